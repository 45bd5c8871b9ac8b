"""Listens to task events if workers send them; it never asks them to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from kombu import Connection

from lab.observe.replies import TaskEvent, task_events
from lab.observe.seen import Attempt

#: The exchange of Celery's events.
EXCHANGE: Final = "celeryev"
#: The events that end an attempt, and its outcome.
ENDS: Final = {
    "task-succeeded": "succeeded",
    "task-failed": "failed",
    "task-retried": "retried",
    "task-revoked": "revoked",
    "task-rejected": "rejected",
}
#: The name of tasks that were received before the observation began, which their events lack.
EARLIER: Final = "(received earlier)"
#: The most tasks whose events are remembered.
MOST_OPEN: Final = 100_000


class EventListener:
    """Subscribes to the channels that events are published on.

    It does not bind a queue, as Celery's own receiver does, because that would write to the broker.
    """

    def __init__(self, connection: Connection) -> None:
        channel: Any = connection.default_channel
        self._pubsub = channel.client.pubsub()
        self._pubsub.psubscribe(f"{channel.keyprefix_fanout}{EXCHANGE}*")

    def read(self) -> list[TaskEvent]:
        """Return the events that have arrived; raise redis.RedisError if the broker is lost."""
        found: list[TaskEvent] = []
        while (message := self._pubsub.get_message(ignore_subscribe_messages=True)) is not None:
            if isinstance(data := message.get("data"), bytes):
                found += task_events(data)
        return found

    def close(self) -> None:
        """Close the subscription."""
        self._pubsub.close()


@dataclass(frozen=True, slots=True)
class _Open:
    """A task that has not ended."""

    name: str | None = None
    sent_s: float | None = None
    received_s: float | None = None
    started_s: float | None = None
    redelivered: bool = False


class OpenTasks:
    """Puts the events of each task together to one attempt."""

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}

    def add(self, event: TaskEvent, at_s: float, names: Mapping[str, str]) -> Attempt | None:
        """Take an event of `at_s`; return the attempt that it ends.

        `names` has the names of tasks that were received before the observation began, by id.
        """
        known = self._open.pop(event.uuid, _Open())
        if event.type in ENDS:
            return _ended(event, known, at_s, known.name or names.get(event.uuid, EARLIER))
        match event.type:
            case "task-sent":
                known = replace(known, name=event.name, sent_s=_due_s(event, at_s))
            case "task-received":
                again = known.received_s is not None
                sent_s = known.sent_s if event.eta is None else _due_s(event, at_s)
                known = _Open(event.name, sent_s, at_s, None, again)
            case "task-started":
                known = replace(known, started_s=at_s)
        if len(self._open) >= MOST_OPEN:
            del self._open[next(iter(self._open))]
        self._open[event.uuid] = known
        return None


def _due_s(event: TaskEvent, at_s: float) -> float:
    """Return when a task is due: its ETA, or else now."""
    try:
        eta = datetime.fromisoformat(event.eta or "")
    except ValueError:
        return at_s
    eta = eta if eta.tzinfo else eta.replace(tzinfo=UTC)
    return at_s + eta.timestamp() - event.timestamp


def _ended(event: TaskEvent, known: _Open, at_s: float, name: str) -> Attempt:
    # A threads worker drops many task-started events, but not the run time.
    started_s = known.started_s
    if started_s is None and event.runtime is not None:
        started_s = at_s - event.runtime
    outcome = ENDS[event.type]
    return Attempt(
        task_id=event.uuid,
        task=name,
        sent_s=known.sent_s,
        received_s=known.received_s,
        started_s=started_s,
        finished_s=at_s,
        outcome="requeued" if outcome == "rejected" and event.requeue else outcome,
        redelivered=True if known.redelivered else None,
    )
