"""A record, for tests of what reads records."""

from __future__ import annotations

from producer.records import Record


def record(task_id: str, outcome: str = "succeeded", run: str = "run", at: float = 1.0) -> Record:
    """Return the record of one attempt; `at`: when it ended."""
    return Record(
        run=run,
        task_id=task_id,
        task="cpu.burn",
        node="w@here",
        pool="threads",
        slot="1/2",
        due=0.0,
        sent=0.0,
        received=0.1,
        started=0.2,
        finished=at,
        outcome=outcome,
        redelivered=False,
        runtime=None,
    )
