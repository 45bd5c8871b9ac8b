"""What was submitted in a trial, and what the ledger says happened to it so far."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from tasks.chaos.ledger import Line

#: Seconds by which lines may be out of order, because each is timed before it is written.
SKEW_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One submission."""

    task_id: str
    at_s: float  # by the monotonic clock of this machine
    known: bool  # whether the broker confirmed it
    not_before_s: float | None = None  # its ETA, by the same clock
    kind: str = "work"  # what was sent
    bad: bool = False  # whether it is a bad message or task, rather than a part of the load


class Lines(Protocol):
    """Where the lines of the ledger come from."""

    def new(self) -> list[Line]:
        """Return the lines since the last call."""


class Book:
    """All submissions and all lines of the ledger; one thread may add while another reads."""

    def __init__(self, reader: Lines) -> None:
        self._reader = reader
        self._lock = threading.Lock()
        self._sent: dict[str, Sent] = {}
        self._lines: list[Line] = []
        self._running: dict[str, Line] = {}  # the last start of each task that has not ended
        self._over: set[str] = set()  # what has ended, failed or is gone
        self._open: set[str] = set()  # what is confirmed, and not over

    def add(self, sent: Sent) -> None:
        """Note a submission."""
        with self._lock:
            self._sent[sent.task_id] = sent
            if sent.known and sent.task_id not in self._over:
                self._open.add(sent.task_id)

    def leave(self, ids: Collection[str]) -> None:
        """Expect nothing more of these submissions."""
        with self._lock:
            self._over.update(ids)
            self._open.difference_update(ids)

    def update(self) -> None:
        """Read the lines that are new."""
        with self._lock:
            for line in self._reader.new():
                self._lines.append(line)
                if line.event == "started":
                    self._running[line.task_id] = line
                else:
                    self._running.pop(line.task_id, None)
                    self._over.add(line.task_id)
                    self._open.discard(line.task_id)

    def running(self, pids: Collection[int]) -> dict[str, float]:
        """Return the tasks that these processes have started and not ended, with when they did."""
        self.update()
        with self._lock:
            return {one: line.at_s for one, line in self._running.items() if line.pid in pids}

    def starts_of(self, task_id: str) -> list[Line]:
        """Return the starts of a task, the first one first."""
        self.update()
        with self._lock:
            starts = (one for one in self._lines if one.event == "started")
            return [one for one in starts if one.task_id == task_id]

    def unended(self, tasks: Mapping[str, float]) -> dict[str, float]:
        """Return those of `tasks` that have started and not ended."""
        self.update()
        with self._lock:
            return {one: at_s for one, at_s in tasks.items() if one in self._running}

    def interrupted_still(self, tasks: Mapping[str, float]) -> frozenset[str]:
        """Return those of `tasks` that have neither ended nor started again since their time."""
        self.update()
        with self._lock:
            last = {one: self._running[one].at_s for one in tasks if one in self._running}
            return frozenset(one for one, at_s in last.items() if at_s <= tasks[one])

    def started_since(self, at_s: float, pids: Collection[int]) -> bool:
        """Return whether one of these processes has started a task since then."""
        return self.first_start(at_s, pids) is not None

    def first_start(
        self, since_s: float, pids: Collection[int], sent_s: float | None = None
    ) -> float | None:
        """Return when one of these processes first started a task since then; None: not yet.

        With `sent_s`, only tasks count that were sent later: they had not been fetched before.
        """
        self.update()
        found = None
        with self._lock:
            for line in reversed(self._lines):
                if line.at_s < since_s - SKEW_S:
                    break
                if line.event != "started" or line.at_s <= since_s or line.pid not in pids:
                    continue
                if sent_s is None or self._was_sent_after(sent_s, line.task_id):
                    found = line.at_s if found is None else min(found, line.at_s)
        return found

    def open(self) -> frozenset[str]:
        """Return the confirmed submissions that have not ended in any way yet."""
        self.update()
        with self._lock:
            return frozenset(self._open)

    @property
    def submitted(self) -> int:
        """The number of submissions."""
        return len(self._sent)

    def closed(self) -> tuple[tuple[Sent, ...], tuple[Line, ...]]:
        """Return everything."""
        self.update()
        with self._lock:
            return tuple(self._sent.values()), tuple(self._lines)

    def _was_sent_after(self, at_s: float, task_id: str) -> bool:
        sent = self._sent.get(task_id)
        return sent is not None and sent.known and sent.at_s > at_s
