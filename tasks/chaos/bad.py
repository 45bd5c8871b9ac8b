"""Tasks that harm the worker that runs them, or whose result harms it."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

from celery import shared_task

from tasks.chaos import ledger


class UnpicklableError(Exception):
    """Raised to see what becomes of an exception that cannot be sent between processes."""

    def __init__(self, text: str) -> None:
        """Hold something that cannot be pickled."""
        super().__init__(text)
        self.lock = threading.Lock()


@shared_task(name="chaos.take", bind=True, ignore_result=True)
def take(self: Any, data: str) -> None:
    """Accept an argument of any size."""
    ledger.note("started", self.request.id, text=f"{len(data)} characters")
    ledger.note("ended", self.request.id)


@shared_task(name="chaos.unencodable", bind=True)
def unencodable(self: Any) -> object:
    """Return what no serializer can encode."""
    ledger.note("started", self.request.id)
    return object()


@shared_task(name="chaos.unpicklable", bind=True)
def unpicklable(self: Any) -> None:
    """Raise an exception that cannot be pickled."""
    ledger.note("started", self.request.id)
    raise UnpicklableError("on purpose")


@shared_task(name="chaos.kill", bind=True, ignore_result=True)
def kill(self: Any) -> None:
    """Kill the process that runs this, each time, until the trial has seen enough."""
    if ledger.calm():
        ledger.note("calmed", self.request.id)
        return
    ledger.note("started", self.request.id)
    os.kill(os.getpid(), signal.SIGKILL)
