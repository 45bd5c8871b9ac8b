"""A project with one task for each way to end; it is run by the Celery versions under test."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from celery import Celery
from celery.exceptions import Reject

app = Celery("shop", broker=os.environ["SHOP_BROKER"])
app.conf.update(task_acks_late=True, worker_prefetch_multiplier=1)


@app.task(name="shop.plain")
def plain() -> int:
    """Succeed."""
    return 1


@app.task(name="shop.expired")
def expired() -> None:
    """Never run, because its message has expired."""


@app.task(name="shop.fail")
def fail() -> None:
    """Fail."""
    raise ValueError("on purpose")


@app.task(name="shop.retry", bind=True, max_retries=1)
def retry(self: Any) -> None:
    """Ask once to be run again, then fail."""
    raise self.retry(countdown=0)


@app.task(name="shop.reject")
def reject() -> None:
    """Refuse the message."""
    raise Reject("on purpose", requeue=False)


@app.task(name="shop.die")
def die() -> None:
    """Kill the process that runs this."""
    os.kill(os.getpid(), signal.SIGKILL)


@app.task(name="shop.late", time_limit=1)
def late() -> None:
    """Run into the time limit."""
    time.sleep(60)
