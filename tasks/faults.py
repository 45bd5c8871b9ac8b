"""Tasks that fail on purpose, to test how Celery handles them."""

from __future__ import annotations

import os
import signal
from typing import Any

from tasks.celery import app


@app.task(name="faults.fail")
def fail(message: str = "on purpose") -> None:
    """Raise RuntimeError."""
    raise RuntimeError(message)


@app.task(name="faults.retry", bind=True)
def retry(self: Any, times: int) -> int:
    """Retry at once, `times` times, then return `times`."""
    if self.request.retries < times:
        raise self.retry(countdown=0, max_retries=times)
    return times


@app.task(name="faults.die")
def die() -> None:
    """Kill the process that runs this task: one slot under prefork, otherwise the worker."""
    os.kill(os.getpid(), signal.SIGKILL)
