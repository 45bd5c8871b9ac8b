"""The lab in a container meets the workers of the others: lists and races them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.compose.project import PATIENCE_S, Project

#: Where the container, whose root is read-only, may write without leaving anything here.
SCRATCH = "/tmp/runs"  # noqa: S108 - the container's own
RACE = ("race", "--json", "--quick", "--out", SCRATCH)


def lab(ring: Project, *words: str, expect: int | None = 0, timeout_s: float = PATIENCE_S) -> str:
    """Run a command of the lab in a container of its own."""
    command = ("run", "--rm", "--no-deps", "poolwise", *words)
    return ring.compose(*command, expect=expect, timeout_s=timeout_s)


def documents(printed: str) -> list[dict[str, Any]]:
    """Return the JSON documents that a command printed among the lines of its progress."""
    return [json.loads(line) for line in printed.splitlines() if line.startswith('{"')]


def test_it_finds_the_workers_with_their_pools_and_queues(ring: Project) -> None:
    listed = lab(ring, "workers")
    for name in ("prefork@", "threads@", "gevent@"):
        assert name in listed


@pytest.mark.parametrize(
    ("workload", "pools"),
    [
        ("burn", ["prefork", "threads", "gevent"]),
        ("sleep", ["threads", "gevent"]),  # four processes would wait ten seconds for it
    ],
)
def test_a_race_runs_on_the_workers_there_are(
    ring: Project, workload: str, pools: list[str]
) -> None:
    words = ("--workloads", workload, "--pools", ",".join(pools))
    [result] = documents(lab(ring, *RACE, *words))
    [raced] = result["workloads"]
    assert (raced["name"], [pool["pool"] for pool in raced["pools"]]) == (workload, pools)
    for pool in raced["pools"]:
        account = pool["summary"]["account"]
        assert account["submitted"] == account["finished"] > 0
