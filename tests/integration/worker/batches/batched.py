"""Tasks of celery-batches for any project: early and late acknowledgement, and each way to end."""

from __future__ import annotations

import os
import time
from typing import Any

from celery import shared_task
from celery_batches import Batches  # type: ignore[import-not-found]
from size import RUN_S, SIZE  # type: ignore[import-not-found]


def fine(_self: Any, _requests: Any) -> None:
    """Return nothing, as most batches do."""
    time.sleep(RUN_S)


def fail(self: Any, requests: Any) -> None:
    """Raise an error after a batch of one, run in the same place, has succeeded."""
    time.sleep(RUN_S)
    if len(requests) == SIZE:
        self.apply(([None],))
        raise ValueError("on purpose")


def die(_self: Any, _requests: Any) -> None:
    """End the process."""
    os._exit(3)


for body in (fine, fail, die):
    for ack in ("early", "late"):
        shared_task(
            bind=True,
            base=Batches,
            name=f"batched.{body.__name__}-{ack}",
            acks_late=ack == "late",
            flush_every=SIZE,
            flush_interval=600,
        )(body)
