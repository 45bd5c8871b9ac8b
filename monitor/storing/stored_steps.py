"""Which steps of a history are stored, and which records they contain; it knows no Redis.

Each stored step is complete in itself: it names the last record that was read before it was
stored. A record up to that one is contained in the step and must not be counted in it again. So it
does not matter which Flower stored a step, or when.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from monitor.history.history import FinishedTask, History
from monitor.history.tiers import COARSE, FINE, RANGE_S
from monitor.storing.archive import add_step, body_of
from monitor.storing.stored_step import EntryId, StoredStep

#: Seconds after its end at which a step is stored: by then nearly all its records have arrived.
SETTLE_S: Final = 2.0
#: The most steps that are converted at once, because everybody else waits.
STEPS_AT_ONCE: Final = 10
#: Before every entry of the stream.
NO_ENTRY: Final = (0, -1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unstored:
    """A step to be stored."""

    at_s: int
    revision: int  # of the history, when it was converted
    body: bytes


class StoredSteps:
    """Keeps account of the steps of one history; other threads use that too, under the same lock.

    The methods take the lock themselves, except those for the owner of the lock.
    """

    def __init__(self, history: History, lock: threading.Lock) -> None:
        self._history, self._lock = history, lock
        self._restored: dict[int, EntryId] = {}  # the last record in each restored step
        self._revisions: dict[int, int] = {}  # of the history, when each step was stored
        self._read: EntryId = NO_ENTRY
        self._read_until_s = 0.0

    def restore(
        self, steps: Iterable[Sequence[StoredStep]], now_s: float, complete_from_s: float
    ) -> None:
        """Add stored steps to the history, each of them once.

        All records since `complete_from_s` will be read. Until now, the time may have been that of
        another clock.
        """
        with self._lock:
            self._history.turn_back(now_s)
        for some in steps:
            with self._lock:
                self._history.advance(now_s)
                for step in some:
                    if step.at_s not in self._restored:
                        self._restored[step.at_s] = step.through
                        add_step(self._history, step, complete_from_s)
        with self._lock:
            self._history.advance(now_s)
            self._history.know_from(complete_from_s, self._restored)
            first_s = int(complete_from_s) // COARSE.step_s * COARSE.step_s
            for at_s in range(first_s, int(now_s) + 1, COARSE.step_s):
                if at_s not in self._restored:
                    self._history.unwatched[COARSE.row_of(at_s)] = True
            self._revisions = dict.fromkeys(self._restored, self._history.revision)

    def add(self, tasks: Iterable[tuple[FinishedTask, EntryId]]) -> None:
        """Count finished tasks, each with the entry that has its record.

        Those in restored steps are only counted by the second. For the owner of the lock.
        """
        new: list[FinishedTask] = []
        restored: list[FinishedTask] = []
        for task, entry in tasks:
            step_s = int(task.at_s) // COARSE.step_s * COARSE.step_s
            is_restored = entry <= self._restored.get(step_s, NO_ENTRY)
            (restored if is_restored else new).append(task)
        self._history.add(new)
        self._history.add(restored, [FINE])

    def note_read(self, entries: Collection[EntryId], until_s: float) -> None:
        """Note which entries were read and counted, and until when there are no others.

        For the owner of the lock.
        """
        self._read = max(self._read, *entries) if entries else self._read
        self._read_until_s = until_s

    def take(self) -> list[Unstored]:
        """Return some steps that are known, have ended, and changed since they were stored."""
        with self._lock:
            return [self._unstored(at_s) for at_s in islice(self._due(), STEPS_AT_ONCE)]

    def _due(self) -> Iterator[int]:
        changed, known = self._history.changed[COARSE], self._history.known[COARSE]
        end_s = int(self._read_until_s - SETTLE_S) // COARSE.step_s * COARSE.step_s
        for at_s in range(end_s - RANGE_S, end_s, COARSE.step_s):
            row = COARSE.row_of(at_s)
            if known[row] and changed[row] > self._revisions.get(at_s, -1):
                yield at_s

    def _unstored(self, at_s: int) -> Unstored:
        through = max(self._read, self._restored.get(at_s, NO_ENTRY), (0, 0))
        body = body_of(self._history, at_s, through)
        return Unstored(at_s=at_s, revision=self._history.revision, body=body)

    def note_stored(self, steps: Sequence[Unstored]) -> None:
        """Note that steps were stored."""
        with self._lock:
            self._revisions |= {step.at_s: step.revision for step in steps}
            oldest_s = self._history.newest_s - RANGE_S - COARSE.step_s
            self._revisions = {at: n for at, n in self._revisions.items() if at >= oldest_s}
            self._restored = {at: one for at, one in self._restored.items() if at >= oldest_s}

    def note_lost(self) -> None:
        """Note that nothing is stored any more, because the server lost its data."""
        with self._lock:
            self._revisions.clear()
