"""Records and batches for tests."""

from __future__ import annotations

from producer.records import Batch, Record


def ended(task_id: str, *, run: str = "run") -> Record:
    """Return the record of a task that succeeded."""
    return Record(
        run=run,
        task_id=task_id,
        task="cpu.burn",
        node="w@h",
        pool="threads",
        slot="1/2",
        due=0.0,
        sent=0.0,
        received=0.1,
        started=0.2,
        finished=0.3,
        outcome="succeeded",
        redelivered=False,
        runtime=None,
    )


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
