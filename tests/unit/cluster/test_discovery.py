"""Workers are discovered from the replies to Celery's own remote control."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.discovery import worker_from_replies
from cluster.switching import resolved
from tasks.errors import UsageError, WorkerError
from worker.control import place


def replies(**changed: Any) -> dict[str, Any]:
    return {
        "stats": {
            "pid": 9,
            "pool": {"implementation": "celery.concurrency.thread:TaskPool", "max-concurrency": 8},
        },
        "active_queues": [{"name": "io"}, {"name": "cpu"}],
        "conf": {"include": ["tasks.cpu", "worker.probe"]},
        "registered": ["cpu.burn", "io.sleep [rate_limit=5/m]"],
        **changed,
    }


ABOUT = {
    "start": "a",
    "ready": True,
    "pid": 9,
    "pool": "threads",
    "concurrency": 8,
    "host": "here",
    "place": place(),
}


def test_a_worker_is_described_by_celerys_replies() -> None:
    worker = worker_from_replies("w@there", replies())
    assert (worker.pool, worker.concurrency, worker.pid) == ("threads", 8, 9)
    assert worker.queues == ("cpu", "io")
    assert worker.tasks == {"cpu.burn", "io.sleep"}
    assert worker.host == "there"
    assert (worker.probe, worker.switchable) == (True, False)


def test_a_worker_is_here_only_if_it_shares_our_process_ids() -> None:
    assert not worker_from_replies("w@here", replies()).here
    assert worker_from_replies("w@here", replies(), ABOUT).here
    assert not worker_from_replies("w@here", replies(), {**ABOUT, "place": "another"}).here


@pytest.mark.parametrize(
    ("broker", "transport"),
    [
        ({"transport": "redis"}, "stock"),
        ({"transport": "rediss"}, "stock"),
        ({"transport": "lease"}, "lease"),
        ({"transport": "kombu_lease.transport:Transport"}, "lease"),
        ({"transport": "amqp"}, ""),
        ({}, ""),
        ("N/A", ""),
    ],
)
def test_a_workers_transport_is_that_of_its_connection(broker: Any, transport: str) -> None:
    stats = {**replies()["stats"], "broker": broker}
    assert worker_from_replies("w@x", replies(stats=stats)).transport == transport
    assert not worker_from_replies("w@x", replies()).transport


def test_an_unknown_pool_is_named_after_its_module() -> None:
    stats = {"pid": 9, "pool": {"implementation": "my.pool:TaskPool", "max-concurrency": 3}}
    assert worker_from_replies("w@x", replies(stats=stats)).pool == "my.pool"


@pytest.mark.parametrize(
    ("conf", "probe", "switchable"),
    [
        ({}, False, False),
        (None, False, False),
        ({"include": ["probe"]}, True, False),
        ({"include": ["worker.startup"]}, False, True),
        ({"include": ["proj.probe", "worker.switch"]}, False, True),
    ],
)
def test_the_included_modules_show_what_a_worker_supports(
    conf: Any, probe: bool, switchable: bool
) -> None:
    worker = worker_from_replies("w@x", replies(conf=conf))
    assert (worker.probe, worker.switchable) == (probe, switchable)


def test_the_host_part_of_a_worker_name_may_be_left_out() -> None:
    assert resolved("a", ["a@1", "b@1"]) == "a@1"
    assert resolved("a@2", ["a@1", "a@2"]) == "a@2"
    with pytest.raises(UsageError, match="a could be any of a@1, a@2"):
        resolved("a", ["a@1", "a@2"])
    with pytest.raises(WorkerError, match="no worker named c answered"):
        resolved("c", ["a@1"])
    with pytest.raises(WorkerError, match="did you mean gevent\\?"):
        resolved("gevnt", ["gevent@1", "prefork@1"])
