"""The task that is run while something is hurt; any Celery app can load it."""

from __future__ import annotations

import time
from typing import Any

from celery import shared_task

from tasks.chaos import ledger


@shared_task(name="chaos.work", bind=True, ignore_result=True)
def work(self: Any, seconds: float) -> None:
    """Wait, and note the start and the end in the ledger."""
    _note("started", self.request)
    time.sleep(seconds)
    _note("ended", self.request)


def _note(event: str, request: Any) -> None:
    redelivered = bool((request.delivery_info or {}).get("redelivered"))
    ledger.note(event, request.id, redelivered=redelivered)
