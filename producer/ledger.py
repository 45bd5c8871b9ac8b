"""The ledger accounts for every submitted task: finished, failed, lost, unserved or timed out.

It only keeps the books: callers enter what was submitted and recorded; it reads no clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from producer.records import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerTotals:
    """What became of the tasks of a run; each submitted task is in exactly one of the groups."""

    submitted: int
    finished: tuple[Record, ...]  # the first success of each task, by finish time
    failed: frozenset[str]
    lost: frozenset[str]  # no longer queued, without a final record, and the worker is dead
    unserved: frozenset[str]  # still queued
    timed_out: frozenset[str]  # no longer queued, without a final record; the worker is alive
    duplicated: int  # completed runs beyond each task's first


class Ledger:
    """The account of one run."""

    def __init__(self, run: str) -> None:
        self.run = run
        self._submitted: set[str] = set()
        self._open: set[str] = set()
        self._finished: dict[str, Record] = {}
        self._failed: set[str] = set()
        self._ends: Counter[str] = Counter()

    def submit(self, ids: Iterable[str]) -> None:
        """Enter the ids of tasks that were sent to the broker."""
        new = set(ids)
        self._submitted |= new
        self._open |= new - self._ends.keys()

    def enter(self, records: Iterable[Record]) -> list[Record]:
        """Enter records; return those that ended a task of this run."""
        ended = [record for record in records if record.run == self.run and record.is_end]
        for record in ended:
            self._ends[record.task_id] += 1
            self._open.discard(record.task_id)
            if record.outcome == "succeeded":
                self._finished.setdefault(record.task_id, record)
            else:
                self._failed.add(record.task_id)
        return ended

    @property
    def open(self) -> int:
        """The number of submitted tasks that have not ended yet."""
        return len(self._open)

    def close(self, *, waiting: Collection[str], worker_alive: bool) -> LedgerTotals:
        """Return the totals; `waiting` are the ids that are still queued.

        A task that is neither queued nor recorded was with a worker: it is lost if the worker is
        dead, otherwise timed out.
        """
        unserved = frozenset(self._open.intersection(waiting))
        vanished = frozenset(self._open - unserved)
        finished = [r for r in self._finished.values() if r.task_id in self._submitted]
        known_ends = {task_id: n for task_id, n in self._ends.items() if task_id in self._submitted}
        return LedgerTotals(
            submitted=len(self._submitted),
            finished=tuple(sorted(finished, key=lambda record: record.finished)),
            failed=frozenset((self._failed & self._submitted) - self._finished.keys()),
            lost=frozenset() if worker_alive else vanished,
            unserved=unserved,
            timed_out=vanished if worker_alive else frozenset(),
            duplicated=sum(known_ends.values()) - len(known_ends),
        )
