"""A race of two transports: every pool runs with both, in the same repeats, on one broker."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cluster.local import LocalCluster
from tests.command import poolwise

SMALL = (
    *("--quick", "--workloads", "sleep", "--pools", "threads,gevent", "--repeat", "2"),
    *("--concurrency", "threads=10,gevent=10", "--seed", "5", "--json"),
)
#: kombu's key for queues that expire, such as those of remote control.
KOMBUS_OWN = "_kombu.binding_deadlines"


@pytest.fixture(scope="module")
def raced(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], str, set[str]]:
    """Race both transports; return the run's folder, the result, stderr, and the keys left."""
    folder = tmp_path_factory.mktemp("transports")
    with LocalCluster(folder) as cluster:
        options = ("--transport", "stock,lease", "--broker", cluster.broker_url)
        done = poolwise("race", *SMALL, *options, cwd=folder, timeout_s=100)
        assert done.returncode == 0, done.stderr
        left = {key.decode() for key in cluster.redis.scan_iter("*")}
    [run] = (folder / "runs").iterdir()
    return run, json.loads(done.stdout), done.stderr, left


def test_each_pool_finishes_every_task_with_each_transport(
    raced: tuple[Path, dict[str, Any], str, set[str]],
) -> None:
    _, result, _, left = raced
    assert result["settings"]["transports"] == ["stock", "lease"]
    assert "--transport stock,lease" in result["settings"]["command"]
    [work] = result["workloads"]
    assert [(pool["pool"], pool["transport"]) for pool in work["pools"]] == [
        ("threads", "stock"),
        ("threads", "lease"),
        ("gevent", "stock"),
        ("gevent", "lease"),
    ]
    for pool in work["pools"]:
        account = pool["summary"]["account"]
        assert account["submitted"] == account["finished"] == 2 * work["tasks_per_repeat"]
        assert account["lost"] == account["duplicated"] == 0
        for remark in pool["remarks"]:
            assert pool["transport"] == "stock" or "one message" not in remark
    assert left <= {"poolwise:records", KOMBUS_OWN}


def test_each_worker_has_the_transport_that_the_result_names(
    raced: tuple[Path, dict[str, Any], str, set[str]],
) -> None:
    logs = {path.name: path.read_text() for path in raced[0].glob("worker-*.log")}
    assert len(logs) == 4
    for name, text in logs.items():
        [scheme] = re.findall(r"transport: +(\w+)://", text)
        assert scheme == ("lease" if name.endswith("-lease.log") else "redis")


def test_the_repeats_of_all_contestants_take_turns(
    raced: tuple[Path, dict[str, Any], str, set[str]],
) -> None:
    turns = re.findall(r"(\w+ ×10, \w+) +repeat (\d)", raced[2])
    assert [number for _, number in turns] == ["1"] * 4 + ["2"] * 4
    assert len(set(turns)) == len(turns)


def test_the_ratio_of_each_pool_is_in_the_result_and_on_the_page(
    raced: tuple[Path, dict[str, Any], str, set[str]],
) -> None:
    run, result, _, _ = raced
    [work] = result["workloads"]
    assert [verdict["transport"] for verdict in work["verdicts"]] == ["stock", "lease"]
    medians = {
        (pool["pool"], pool["transport"]): pool["summary"]["makespan_s"]["median"]
        for pool in work["pools"]
    }
    for effect in work["effects"]:
        ratio = medians[effect["pool"], "lease"] / medians[effect["pool"], "stock"]
        assert effect["makespan_ratio"] == pytest.approx(ratio)
        assert effect["makespan_low"] <= ratio <= effect["makespan_high"]
        assert f"{ratio:.2f} (" in (run / "report.html").read_text()
