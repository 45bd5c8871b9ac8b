"""Workers are discovered from the replies to Celery's own remote control."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.discovery import DiscoveredWorker, worker_from_replies
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


def described(replies: dict[str, Any], about: Any = None, node: str = "w@x") -> DiscoveredWorker:
    worker = worker_from_replies(node, replies, about)
    assert worker is not None
    return worker


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
    worker = described(replies(), node="w@there")
    assert (worker.pool, worker.concurrency, worker.pid) == ("threads", 8, 9)
    assert worker.queues == ("cpu", "io")
    assert worker.tasks == {"cpu.burn", "io.sleep"}
    assert worker.host == "there"
    assert (worker.probe, worker.switchable) == (True, False)


def test_a_worker_is_here_only_if_it_shares_our_process_ids() -> None:
    assert not described(replies()).here
    assert described(replies(), ABOUT).here
    assert not described(replies(), {**ABOUT, "place": "another"}).here


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
    assert described(replies(stats=stats)).transport == transport
    assert not described(replies()).transport


def test_an_unknown_pool_is_named_after_its_module() -> None:
    stats = {"pid": 9, "pool": {"implementation": "my.pool:TaskPool", "max-concurrency": 3}}
    assert described(replies(stats=stats)).pool == "my.pool"


def test_a_worker_that_does_not_name_its_pool_is_still_described() -> None:
    """Celery 5.2 does not."""
    stats = {"pid": 9, "pool": {"max-concurrency": 3, "processes": [10, 11, 12]}}
    worker = described(replies(stats=stats))
    assert (worker.pool, worker.concurrency, worker.queues) == ("unknown", 3, ("cpu", "io"))
    assert described(replies(stats=stats), ABOUT).pool == "threads"


@pytest.mark.parametrize("method", ["stats", "active_queues", "registered"])
def test_a_worker_that_replies_with_an_error_is_left_out(method: str) -> None:
    error = {"error": "AttributeError: no such thing"}
    assert worker_from_replies("w@x", replies(**{method: error})) is None


@pytest.mark.parametrize("about", [None, {"error": "unknown command"}, {**ABOUT, "pid": "none"}])
def test_an_unreadable_report_about_a_worker_does_not_hide_it(about: Any) -> None:
    assert described(replies(), about).host == "x"


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
    worker = described(replies(conf=conf))
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
