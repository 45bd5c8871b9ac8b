"""Records and batches for tests."""

from __future__ import annotations

from producer.records import Batch, Record
from tests.unit.producer.sample import record


def ended(task_id: str, *, run: str = "run") -> Record:
    """Return the record of a task that succeeded."""
    return record(task_id, run=run)


def batch(*records: Record) -> Batch:
    """Return a batch that holds `records`."""
    return Batch(
        kind="rows",
        node="w@h",
        pool="threads",
        slots=2,
        pid=1,
        seq=1,
        dropped=0,
        error_s=0.0,
        records=records,
    )
