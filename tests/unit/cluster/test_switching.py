"""A switch waits as long as its worker may take to start again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any, cast

import pytest

from cluster import switching
from cluster.discovery import RemoteControl
from cluster.switching import SwitchRequest, switch
from cluster.workers import START_S
from tasks.errors import WorkerError
from worker.control import SWITCH, SwitchReply, WorkerInfo

NODE = "w@here"
BEFORE = WorkerInfo(
    start="a", ready=True, pid=9, pool="threads", concurrency=2, host="here", place="here"
)
AFTER = replace(BEFORE, start="b", concurrency=3)
ACCEPTED = SwitchReply(before=BEFORE, pool="threads", concurrency=3, command="celery worker")
REQUEST = SwitchRequest(pool="threads", concurrency=3, wait_s=5)


class Workers:
    """One worker, which comes back some seconds after it has accepted a switch."""

    def __init__(self, back_after_s: float) -> None:
        self._back_after_s = back_after_s
        self._now_s = 0.0

    def ask(self, method: str, *_: Any, **__: Any) -> dict[str, Any]:
        replies: dict[str, Any] = {
            "ping": {"ok": "pong"},
            "conf": {"include": ["worker.startup"]},
            SWITCH: {"ok": asdict(ACCEPTED)},
        }
        return {NODE: replies[method]}

    def info(self, _node: str) -> WorkerInfo | None:
        return AFTER if self._now_s >= self._back_after_s else None

    def wait(
        self,
        answer: Callable[[], WorkerInfo | None],
        timeout_s: float,
        failure: Callable[[], Exception],
    ) -> WorkerInfo:
        """Do as `wait_until` does, in no time."""
        for self._now_s in range(int(timeout_s)):
            if found := answer():
                return found
        raise failure()


def ask_for_switch(monkeypatch: pytest.MonkeyPatch, back_after_s: float) -> WorkerInfo:
    workers = Workers(back_after_s)
    monkeypatch.setattr(switching, "wait_until", workers.wait)
    return switch(cast("RemoteControl", workers), NODE, REQUEST).after


def test_a_worker_has_the_time_that_any_worker_may_take_to_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert ask_for_switch(monkeypatch, REQUEST.wait_s + START_S) == AFTER


def test_a_worker_that_does_not_come_back_may_still_be_starting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(WorkerError, match=r"within \d+ s; it may still be starting.*celery worker"):
        ask_for_switch(monkeypatch, 1_000)
