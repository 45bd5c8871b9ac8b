"""Work that goes wrong on purpose, to see what becomes of it."""

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
    """Ask to be run again `times` times, at once, then return how often that was."""
    if self.request.retries < times:
        raise self.retry(countdown=0, max_retries=times)
    return times


@app.task(name="faults.die")
def die() -> None:
    """Kill the process that runs this: a slot's in prefork, the whole worker elsewhere."""
    os.kill(os.getpid(), signal.SIGKILL)
