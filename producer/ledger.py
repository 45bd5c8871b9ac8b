"""The ledger: every submitted task ends in it as finished, failed, lost, unserved or timed out.

Pure book-keeping: it is told what was submitted and what was recorded, and reads no clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from producer.records import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerTotals:
    """The closed ledger: the ids of each end are disjoint, and together all that was submitted."""

    submitted: int
    finished: tuple[Record, ...]  # the first success of each task, in order of finish
    failed: frozenset[str]
    lost: frozenset[str]  # taken from the queue by a worker that is gone, with no record of an end
    unserved: frozenset[str]  # still waiting in the queue
    timed_out: frozenset[str]  # under way on a living worker when time was up
    duplicated: int  # runs to the end beyond the first


class Ledger:
    """Accounts for one run."""

    def __init__(self, run: str) -> None:
        self.run = run
        self._submitted: set[str] = set()
        self._open: set[str] = set()
        self._finished: dict[str, Record] = {}
        self._failed: set[str] = set()
        self._ends: Counter[str] = Counter()

    def submit(self, ids: Iterable[str]) -> None:
        """Enter tasks that were handed to the broker."""
        new = set(ids)
        self._submitted |= new
        self._open |= new - self._ends.keys()

    def enter(self, records: Iterable[Record]) -> list[Record]:
        """Enter what was recorded, and return those of this run that ended a task."""
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
        """How many submitted tasks have not ended yet."""
        return len(self._open)

    def close(self, *, waiting: Collection[str], worker_alive: bool) -> LedgerTotals:
        """Settle the run: `waiting` are the ids that were still in the queue.

        What is in neither the queue nor the records was in a worker's hands: lost if no worker
        lives, timed out otherwise.
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
