"""A prefork pool that finishes the tasks which its processes have received when a connection ends.

When a worker shuts down or loses its broker, Celery drops each task that no process has reported as
started (`AsynPool.flush` in `celery/concurrency/asynpool.py`). If the task is in the process's pipe
already, the process runs it all the same. Celery then ignores its end and hands the message back,
so the task runs twice; and the process waits 30 s for a confirmation before it exits.

If a shutdown comes while a task is being written to the pipe, the process takes what follows for
the rest of the task and waits for ever, and so does the worker (celery#1770 shows such a worker).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any, Final

from billiard.pool import CLOSE
from celery.concurrency.asynpool import AsynPool
from celery.concurrency.prefork import TaskPool
from celery.worker import state

from worker.delivery.registration import ThisProcess

#: Seconds that a process without a task may take to end.
END_S: Final = 5.0


class FinishingPool(AsynPool):
    """Keeps what its processes have received."""

    def flush(self) -> None:
        """Drop the jobs that have not been sent to a process; complete those that are being sent.

        Celery completes them only if the worker goes on.
        """
        pool: Any = self
        if pool._state == CLOSE:
            for process, writer in list(_writes(pool)):
                pool._flush_writer(process, writer)
        sent = [job for job in pool._cache.values() if _is_sent(job)]
        for job in sent:
            job.discard = _keep  # what `flush` drops a job with
        try:
            super().flush()
        finally:
            for job in sent:
                del job.discard

    def join(self) -> None:
        """Wait for the processes; first end those that have received only a part of a job.

        In a cold shutdown nothing completes it: a signal has interrupted the code that writes it.
        """
        pool: Any = self
        for process, _ in list(_writes(pool)):
            process.terminate_controlled()
            process.join(END_S)
            if process._is_alive():
                os.kill(process.pid, signal.SIGKILL)
                process.join()
        pool._join_exited_workers()  # nothing more is written to those
        super().join()


def sent_tags() -> set[str]:
    """Return the delivery tags of tasks that the pool will run, or runs already."""
    requests = tuple(state.requests.values())
    return {one.message.delivery_tag for one in requests if _will_run(one)}


def _will_run(request: Any) -> bool:
    """Return whether nothing keeps the pool from running a task.

    A prefork pool can still drop a job that no process has received. Pools of threads and greenlets
    drop what waits for a slot only in a shutdown.
    """
    if request._apply_result is None:
        return False
    job = request._apply_result()
    if hasattr(job, "_write_to"):
        return job._write_to is not None
    return not ThisProcess.stopping and request in state.reserved_requests


def _is_sent(job: Any) -> bool:
    """Return whether a process will run a job that it has not reported as started."""
    return not job._accepted and job._write_to is not None


def _writes(pool: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each process to which a job is being written, and the generator that writes."""
    for job in pool._cache.values():
        if _is_sent(job) and (writer := job._writer()) in pool._active_writers:
            yield job._write_to, writer


def _keep() -> None:
    """Drop nothing."""


def install() -> None:
    """Use this pool for the prefork workers of this process."""
    TaskPool.Pool = FinishingPool
