"""The task that is run while something is hurt; any Celery app can load it."""

from __future__ import annotations

import time
from typing import Any

from celery import shared_task

from tasks.chaos import ledger, shared_ledger


@shared_task(name="chaos.work", bind=True, ignore_result=True)
def work(self: Any, seconds: float, key: str = "") -> None:
    """Wait, and note the start and the end in the ledger, or in the shared one under `key`."""
    _note("started", self, key)
    time.sleep(seconds)
    _note("ended", self, key)


def _note(event: str, task: Any, key: str) -> None:
    request = task.request
    redelivered = bool((request.delivery_info or {}).get("redelivered"))
    if key:
        shared_ledger.note(task.app, key, event, request.id, redelivered=redelivered)
    else:
        ledger.note(event, request.id, redelivered=redelivered)
