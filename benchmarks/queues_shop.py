"""The Celery app whose tasks `queues`, `idle` and `peers` run; its URLs name the transports."""

from __future__ import annotations

import os
import time
from pathlib import Path

import redis
from celery import Celery
from celery.signals import worker_ready
from celery.utils.log import get_logger

import kombu_lease  # noqa: F401  registers lease://
from benchmarks.ran import Counter

RESULTS = os.environ["QUEUES_RESULTS"]
COUNTER = Counter(Path(os.environ["QUEUES_RAN"]))

app = Celery("queues", broker=os.environ["QUEUES_BROKER"], backend=RESULTS or None)
app.conf.update(
    task_acks_late=True,
    task_ignore_result=not RESULTS,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"max_connections": 2000},
)


@worker_ready.connect
def log_ready(**_sender: object) -> None:
    """Log at a level that does not log each task."""
    get_logger(__name__).warning("ready.")


@app.task
def nothing() -> None:
    """Do nothing."""


@app.task
def counted() -> None:
    """Do nothing but count that it ran."""
    COUNTER.add()


@app.task
def stamp(port: int) -> None:
    """Report when it runs, by the monotonic clock of this machine."""
    at_s = time.monotonic()
    with redis.Redis(port=port, db=1) as client:
        client.rpush("stamps", at_s)
