"""The lab in a container meets the workers of the others: lists, races and switches them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest

from producer.plan import Work, steady
from tests.compose.project import Project
from tests.compose.ride import Ride, accounts_for_all

#: Where the container, whose root is read-only, may write without leaving anything here.
SCRATCH = "/tmp/runs"  # noqa: S108 - the container's own
RACE = ("race", "--json", "--workloads", "burn,sleep", "--quick")


def lab(ring: Project, *words: str, expect: int | None = 0) -> str:
    """Run a command of the lab in a container of its own."""
    return ring.compose("run", "--rm", "--no-deps", "poolwise", *words, expect=expect)


def document(printed: str) -> dict[str, object]:
    """Return the JSON that a command printed among the lines of its progress."""
    [line] = [line for line in printed.splitlines() if line.startswith('{"')]
    found: dict[str, object] = json.loads(line)
    return found


def test_it_finds_the_workers_with_their_pools_and_queues(ring: Project) -> None:
    listed = lab(ring, "workers")
    for name in ("prefork@", "threads@", "gevent@"):
        assert name in listed


def test_a_race_runs_on_the_workers_there_are(ring: Project) -> None:
    result = document(lab(ring, *RACE, "--out", SCRATCH))
    for workload in result["workloads"]:  # type: ignore[attr-defined]
        assert [pool["pool"] for pool in workload["pools"]] == ["prefork", "threads", "gevent"]
        for pool in workload["pools"]:
            account = pool["summary"]["account"]
            assert account["submitted"] == account["finished"] > 0


@pytest.fixture(scope="module")
def switched_back(ring: Project) -> Iterator[None]:
    """The gevent worker anew at the end: a switched one keeps its flags as long as it lives."""
    yield
    ring.compose("up", "--detach", "--wait", "--no-deps", "--force-recreate", "worker-gevent")


@pytest.mark.usefixtures("switched_back")
@pytest.mark.parametrize("pool", ["threads", "prefork", "gevent"])
def test_a_switch_under_load_loses_nothing_and_keeps_the_container(
    ring: Project, ride: Ride, pool: str
) -> None:
    before = ring.inspect("worker-gevent")["State"]
    plan = steady(Work(task="io.sleep", args=(0.1,)), rate_per_s=40, count=400)
    load = threading.Thread(target=ride.submit, args=(plan, "gevent"))
    load.start()
    printed = lab(ring, "switch", "gevent", "--pool", pool, "--concurrency", "6")
    load.join()
    assert pool in printed
    assert ride.settle(30)
    closing = ride.close("gevent")
    assert accounts_for_all(closing)
    assert len(closing.finished) == closing.submitted == len(plan)
    after = ring.inspect("worker-gevent")["State"]
    assert (after["Pid"], after["StartedAt"]) == (before["Pid"], before["StartedAt"])
    assert pool in {record.pool for record in ride.records}
