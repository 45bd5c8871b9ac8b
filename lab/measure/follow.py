"""The one loop that follows the probe's records while tasks run."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from lab.session.protocols import Worker
from producer.records import Batch, Record, RecordReader

#: Seconds to keep reading after a worker has died: its last records may still be on their way.
LAST_RECORDS_S = 0.5
#: Seconds between two steps at most.
STEP_S = 0.1


class Tally(Protocol):
    """Counts tasks until each of them has ended; `producer.ledger.Ledger` is one."""

    @property
    def open(self) -> int:
        """How many tasks have not ended."""

    def enter(self, records: Iterable[Record]) -> list[Record]:
        """Enter new records; return those that ended one of the tasks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one step of following brought."""

    batches: tuple[Batch, ...]  # everything that was recorded, also by other workers and runs
    ended: tuple[Record, ...]  # the records that ended a task of the tally
    dead: Worker | None  # a worker that died while tasks were open

    @property
    def records(self) -> Iterator[Record]:
        """Every record of the step."""
        return (record for batch in self.batches for record in batch.records)


def follow(
    reader: RecordReader, tally: Tally, workers: Collection[Worker], timeout_s: float
) -> Iterator[Step]:
    """Enter records into `tally` until every task has ended; yield each step.

    Stops after `timeout_s` seconds, or `LAST_RECORDS_S` after one of `workers` has died. Callers
    see in `tally.open` what is left.
    """
    deadline = time.monotonic() + timeout_s
    dead: Worker | None = None
    while tally.open and time.monotonic() < deadline:
        batches = tuple(reader.read(STEP_S))
        ended = tuple(tally.enter([one for batch in batches for one in batch.records]))
        if dead is None and tally.open:
            dead = next((worker for worker in workers if not worker.alive), None)
            if dead is not None:
                deadline = time.monotonic() + LAST_RECORDS_S
        yield Step(batches=batches, ended=ended, dead=dead)
