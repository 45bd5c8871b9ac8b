"""Puts the events of each task together to one attempt; it knows no broker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from producer.entry import Name, Seconds
from producer.observation.seen import Attempt

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


class TaskEvent(Struct, frozen=True):
    """A task event of Celery."""

    type: Name
    uuid: Name
    timestamp: Seconds
    hostname: Name = ""
    name: Name | None = None
    eta: Name | None = None
    runtime: Seconds | None = None
    requeue: bool = False


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

    def __init__(self, name_of: Callable[[str], str | None], most: int = MOST_OPEN) -> None:
        """Remember the events of the last `most` tasks.

        `name_of` finds the name of a task, by its id, that was received before the observation
        began; None if it is unknown.
        """
        self._name_of = name_of
        self._most = most
        self._open: dict[str, _Open] = {}

    def add(self, event: TaskEvent, at_s: float) -> Attempt | None:
        """Take an event of `at_s`; return the attempt that it ends."""
        known = self._open.pop(event.uuid, _Open())
        if event.type in ENDS:
            name = known.name or self._name_of(event.uuid) or EARLIER
            return _ended(event, known, at_s, name)
        match event.type:
            case "task-sent":
                known = replace(known, name=event.name, sent_s=_due_s(event, at_s))
            case "task-received":
                again = known.received_s is not None
                sent_s = known.sent_s if event.eta is None else _due_s(event, at_s)
                known = _Open(event.name, sent_s, at_s, None, again)
            case "task-started":
                known = replace(known, started_s=at_s)
        if len(self._open) >= self._most:
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
