"""A sample Celery project whose tasks show what a pool can do; the tests set its broker."""

from __future__ import annotations

import json
import os
import threading
import time

import redis
from celery import Celery
from celery.exceptions import SoftTimeLimitExceeded

app = Celery("sample", broker=os.environ["SAMPLE_URL"], backend=os.environ["SAMPLE_URL"])
app.conf.update(json.loads(os.environ["SAMPLE_SETTINGS"]))


@app.task
def nap(duration_s: float) -> None:
    time.sleep(duration_s)


@app.task
def hold(gate: str) -> None:
    """Wait until the test opens the gate, for at most 20 s."""
    with redis.Redis.from_url(os.environ["SAMPLE_URL"], socket_timeout=None) as database:
        database.blpop([gate], timeout=20)


@app.task(acks_late=True)
def late_nap(duration_s: float) -> None:
    time.sleep(duration_s)


@app.task
def compute(duration_s: float) -> None:
    end_s = time.monotonic() + duration_s
    while time.monotonic() < end_s:
        pass


@app.task
def tidy(duration_s: float) -> str:
    try:
        time.sleep(duration_s)
    except SoftTimeLimitExceeded:
        return "tidied"
    return "ran on"


@app.task
def whose() -> tuple[int, int]:
    return os.getpid(), threading.get_ident()


@app.task(acks_late=True)
def die() -> None:
    os._exit(3)


@app.task(acks_late=True, max_retries=2, default_retry_delay=0)
def die_again() -> None:
    os._exit(3)
