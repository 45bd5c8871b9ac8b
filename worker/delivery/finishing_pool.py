"""A prefork pool that finishes the tasks which its processes have received when a connection ends.

When a worker shuts down or loses its broker, Celery drops each task that no process has reported as
started (`AsynPool.flush` in `celery/concurrency/asynpool.py`). If the task is in the process's pipe
already, the process runs it all the same. Celery then ignores its end and hands the message back,
so the task runs twice; and the process waits 30 s for a confirmation before it exits.
"""

from __future__ import annotations

from typing import Any

from billiard.pool import RUN
from celery.concurrency.asynpool import AsynPool
from celery.concurrency.prefork import TaskPool


class FinishingPool(AsynPool):
    """Keeps what its processes have received."""

    def flush(self) -> None:
        """Drop the jobs that have not been sent to a process."""
        pool: Any = self
        sent = [job for job in pool._cache.values() if _is_sent(job, pool)]
        for job in sent:
            job.discard = _keep  # what `flush` drops a job with
        try:
            super().flush()
        finally:
            for job in sent:
                del job.discard


def _is_sent(job: Any, pool: Any) -> bool:
    """Return whether a process will run a job that it has not reported as started."""
    if job._accepted or job._write_to is None:
        return False
    # A write that has begun goes on after the loss of a connection, but not in a shutdown.
    return bool(pool._state == RUN or job._writer() not in pool._active_writers)


def _keep() -> None:
    """Drop nothing."""


def install() -> None:
    """Use this pool for the prefork workers of this process."""
    TaskPool.Pool = FinishingPool
