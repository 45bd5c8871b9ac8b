"""Requests whose channel was closed, so that nothing about them can be noted in Redis."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from worker.delivery.keys import Keys
from worker.delivery.marks import RUNNING
from worker.delivery.request import CountedRequest


class ClosedChannel:
    """A channel of a connection that is gone."""

    keys = Keys(prefix="", unacked="unacked", index="unacked_index")
    connection = None

    @property
    def bare(self) -> Any:
        """Fail as kombu does, which looks up the address of the connection."""
        return self.connection.client  # type: ignore[attr-defined]


class PlainRequest:
    """Celery's request, which notes what it is called for."""

    def __init__(self) -> None:
        """Be a request of a redelivered message."""
        self.calls: list[str] = []
        self.id = "an-id"
        self.delivery_info = {"redelivered": True}
        self.task = SimpleNamespace(acks_late=True)
        self.message = SimpleNamespace(delivery_tag="a-tag", queue="work", channel=ClosedChannel())

    def on_accepted(self, *_: Any, **__: Any) -> None:
        """Note that the task was accepted."""
        self.calls.append("accepted")


class Request(CountedRequest, PlainRequest):
    """Both, as `worker.delivery.install` mixes them."""

    def __init__(self) -> None:
        """Read no message."""
        PlainRequest.__init__(self)


def test_a_redelivered_task_is_accepted_although_its_start_cannot_be_noted() -> None:
    request = Request()
    request.on_accepted()
    assert request.calls == ["accepted"]
    assert "a-tag" in RUNNING
    RUNNING.discard("a-tag")
