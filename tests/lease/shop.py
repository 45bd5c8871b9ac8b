"""A Celery project that uses the lease transport, or the stock one; it knows nothing of Poolwise.

Each run of a task is noted in Redis lists, so that tests see what ran, how often and where.
"""

from __future__ import annotations

import json
import os
import re
import time
from typing import Any

from celery import Celery

import kombu_lease  # noqa: F401  registers lease://
from tests.lease.notes import notes

app = Celery("shop", broker=os.environ["SHOP_BROKER"], backend=os.environ.get("SHOP_RESULTS"))
app.conf.update(
    result_extended="SHOP_RESULT_EXTENDED" in os.environ,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=int(os.environ.get("SHOP_PREFETCH", "4")),
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        "lease_s": float(os.environ.get("SHOP_LEASE_S", "6")),
        "max_deliveries": int(os.environ.get("SHOP_MAX_DELIVERIES", "20")),
        "visibility_timeout": int(os.environ.get("SHOP_VISIBILITY_TIMEOUT", "3")),
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
        "global_keyprefix": os.environ.get("SHOP_PREFIX", ""),
        "max_connections": 1000,
        "master_name": "shop",  # for Sentinel
        **json.loads(os.environ.get("SHOP_OPTIONS", "{}")),
    },
)
app.conf.update(json.loads(os.environ.get("SHOP_CONF", "{}")))


@app.task
def note(mark: int) -> None:
    """Note that it ran."""
    notes().rpush("ran", mark)


@app.task
def note_size(mark: int, text: str) -> None:
    """Note how long the text is, and that it ran."""
    notes().rpush("size", len(text))
    notes().rpush("ran", mark)


@app.task
def wait(mark: int, seconds: float) -> None:
    """Note that it began, wait, and note that it ran."""
    notes().rpush("began", mark)
    time.sleep(seconds)
    notes().rpush("ran", mark)


@app.task
def hold_gil(mark: int, seconds: float) -> None:
    """Compute in C, without releasing the GIL, for about so many seconds at once."""
    notes().rpush("began", mark)
    size = 1_000
    spent_s = 0.0
    while spent_s < 0.2:  # find out how fast this machine is
        size *= 2
        spent_s = _search(size)
    _search(int(size * (seconds / spent_s) ** 0.5))
    notes().rpush("ran", mark)


def _search(size: int) -> float:
    """Run a search whose time grows with the square of `size`; return it in seconds."""
    began_s = time.perf_counter()
    re.search("a*b", "a" * size)
    return time.perf_counter() - began_s


@app.task(bind=True, max_retries=None)
def again(self: Any, mark: int, times: int) -> None:
    """Retry so many times, then note that it ran."""
    if self.request.retries < times:
        raise self.retry(countdown=0)
    notes().rpush("ran", mark)


@app.task(bind=True)
def describe(self: Any, mark: int) -> None:
    """Note how the message was delivered; the first time, take a minute."""
    redelivered = self.request.delivery_info.get("redelivered")
    notes().rpush("described", str(redelivered))
    if not redelivered:
        time.sleep(60)
    notes().rpush("ran", mark)


@app.task(bind=True)
def track(self: Any, mark: int, seconds: float) -> None:
    """Note that it began, wait, and note that it ran; also note if it was redelivered."""
    if self.request.delivery_info.get("redelivered"):
        notes().rpush("redelivered", mark)
    notes().rpush("began", mark)
    time.sleep(seconds)
    notes().rpush("ran", mark)


@app.task
def spin(mark: int, seconds: float) -> None:
    """Compute in Python for so many seconds."""
    notes().rpush("began", mark)
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        pass
    notes().rpush("ran", mark)
