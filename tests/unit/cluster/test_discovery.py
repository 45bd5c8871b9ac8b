"""Workers as they describe themselves in Celery's own replies."""

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


def test_celerys_replies_make_a_worker() -> None:
    worker = worker_from_replies("w@there", replies())
    assert (worker.pool, worker.concurrency, worker.pid) == ("threads", 8, 9)
    assert worker.queues == ("cpu", "io")
    assert worker.tasks == {"cpu.burn", "io.sleep"}
    assert worker.host == "there"
    assert (worker.probe, worker.switchable) == (True, False)


def test_a_pid_means_something_only_in_its_own_place() -> None:
    assert not worker_from_replies("w@here", replies()).here
    assert worker_from_replies("w@here", replies(), ABOUT).here
    assert not worker_from_replies("w@here", replies(), {**ABOUT, "place": "another"}).here


def test_a_pool_that_no_row_knows_is_called_by_its_module() -> None:
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
def test_what_is_loaded_is_read_from_the_includes(conf: Any, probe: bool, switchable: bool) -> None:
    worker = worker_from_replies("w@x", replies(conf=conf))
    assert (worker.probe, worker.switchable) == (probe, switchable)


def test_a_name_may_leave_out_what_follows_the_at() -> None:
    assert resolved("a", ["a@1", "b@1"]) == "a@1"
    assert resolved("a@2", ["a@1", "a@2"]) == "a@2"
    with pytest.raises(UsageError, match="a could be any of a@1, a@2"):
        resolved("a", ["a@1", "a@2"])
    with pytest.raises(WorkerError, match="no worker called c answers"):
        resolved("c", ["a@1"])
