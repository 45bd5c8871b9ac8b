"""Which of the workers that run already race, and what is said where none can."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cluster.discovery import DiscoveredWorker
from lab.measure.cost import Cost
from lab.session.choose import choose
from tasks.errors import WorkerError

TASKS = frozenset({"cpu.burn", "io.sleep"})


def worker(node: str, pool: str, *queues: str) -> DiscoveredWorker:
    return DiscoveredWorker(
        node=node,
        pool=pool,
        concurrency=4,
        queues=queues,
        pid=1,
        host="h",
        here=False,
        probe=True,
        switchable=True,
        tasks=TASKS,
    )


def test_the_worker_on_the_queue_of_its_pools_name_races() -> None:
    found = [worker("a@x", "gevent", "mail"), worker("b@x", "gevent", "io", "gevent")]
    assert choose(found, ("gevent",), TASKS)["gevent"].node == "b@x"


def test_else_one_with_a_queue_of_its_own_races() -> None:
    found = [worker("a@x", "threads", "io"), worker("b@x", "threads", "io", "mail")]
    assert choose(found, ("threads",), TASKS)["threads"].node == "b@x"


def test_a_pool_without_a_worker_is_left_out() -> None:
    assert set(choose([worker("a@x", "solo", "q")], ("solo", "gevent"), TASKS)) == {"solo"}


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (replace(worker("a@x", "gevent"), probe=False), "start it with -I worker.probe"),
        (replace(worker("a@x", "gevent"), tasks=frozenset({"b"})), "belongs to another project"),
        (
            replace(worker("a@x", "gevent"), probe=False, tasks=frozenset({"shop.price"})),
            "belongs to another project",
        ),
        (replace(worker("a@x", "gevent"), tasks=frozenset({"cpu.burn"})), "does not know io.sleep"),
        (worker("a@x", "solo"), "a@x is solo, not gevent"),
    ],
    ids=["probe", "another project", "another project without a probe", "task", "pool"],
)
def test_if_no_worker_can_race_the_reason_is_shown(one: DiscoveredWorker, reason: str) -> None:
    with pytest.raises(WorkerError, match=reason):
        choose([one], ("gevent",), TASKS)


def test_what_a_worker_elsewhere_costs_is_not_known() -> None:
    with Cost(None) as cost:
        pass
    assert (cost.cpu_s, cost.peak_pss_bytes) == (None, None)
