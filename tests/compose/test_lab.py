"""The lab in a container lists and races the workers in the other containers."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.compose.project import TIMEOUT_S, Project

#: A folder that the read-only container can write to, and that disappears with it.
SCRATCH = "/tmp/runs"  # noqa: S108 - inside the container
RACE = ("race", "--json", "--quick", "--out", SCRATCH)


def lab(cluster: Project, *words: str, expect: int | None = 0, timeout_s: float = TIMEOUT_S) -> str:
    """Run a command of the lab in a new container."""
    command = ("run", "--rm", "--no-deps", "poolwise", *words)
    return cluster.compose(*command, expect=expect, timeout_s=timeout_s)


def documents(printed: str) -> list[dict[str, Any]]:
    """Return the JSON documents that a command printed between its progress lines."""
    return [json.loads(line) for line in printed.splitlines() if line.startswith('{"')]


def test_workers_command_lists_every_worker(cluster: Project) -> None:
    listed = lab(cluster, "workers")
    for name in ("prefork@", "threads@", "gevent@"):
        assert name in listed


@pytest.mark.parametrize(
    ("workload", "pools"),
    [
        ("burn", ["prefork", "threads", "gevent"]),
        ("sleep", ["threads", "gevent"]),  # would take 10 s on 4 processes
    ],
)
def test_race_uses_the_running_workers(cluster: Project, workload: str, pools: list[str]) -> None:
    words = ("--workloads", workload, "--pools", ",".join(pools))
    [result] = documents(lab(cluster, *RACE, *words))
    [raced] = result["workloads"]
    assert (raced["name"], [pool["pool"] for pool in raced["pools"]]) == (workload, pools)
    for pool in raced["pools"]:
        account = pool["summary"]["account"]
        assert account["submitted"] == account["finished"] > 0


def test_a_user_who_may_not_write_to_runs_still_gets_results(cluster: Project) -> None:
    stranger = {"POOLWISE_UID": "4242", "POOLWISE_GID": "4242"}
    command = ("run", "--rm", "--no-deps", "-T")
    words = ("race", "--quick", "--workloads", "burn", "--pools", "threads")
    printed = cluster.compose(*command, "poolwise", *words, env=stranger)
    assert "POOLWISE_UID=" in printed
    [report] = re.findall(r"/results/\S+/report\.html", printed.partition("Report: ")[2])[:1]
    page = cluster.compose(*command, "--entrypoint", "cat", "poolwise", report, env=stranger)
    assert "<!DOCTYPE html>" in page
    listed = cluster.compose(*command, "poolwise", "workers", env=stranger)
    assert "POOLWISE_UID=" not in listed  # it writes no results
