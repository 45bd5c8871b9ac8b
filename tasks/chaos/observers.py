"""Notes in the ledger how Celery ends tasks that do not end by themselves.

Load it with `-I tasks.chaos.observers`. It only listens to Celery's signals, and works with any
app.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from celery.signals import task_failure, task_rejected, task_revoked, task_unknown

from tasks.chaos import marks
from tasks.chaos.ledger import note


@task_failure.connect(dispatch_uid="poolwise-ledger-failed")
def failed(task_id: str = "", exception: object = None, **_: Any) -> None:
    """Note that Celery stored a failure, even for a task whose process died."""
    note("failed", task_id, text=repr(exception))


@task_revoked.connect(dispatch_uid="poolwise-ledger-revoked")
def revoked(request: Any = None, **_: Any) -> None:
    """Note that a task was revoked, or had expired."""
    note("revoked", str(getattr(request, "id", "")))


@task_rejected.connect(dispatch_uid="poolwise-ledger-rejected")
def rejected(message: Any = None, exc: object = None, **_: Any) -> None:
    """Note that a worker threw a message away."""
    note("gone", _id(message), text=repr(exc))


@task_unknown.connect(dispatch_uid="poolwise-ledger-unknown")
def unknown(id: str = "", name: str = "", **_: Any) -> None:
    """Note that a worker threw a message away whose task it does not know."""
    note("gone", id, text=f"unknown task {name}")


class DecodeErrors(logging.Handler):
    """Notes messages whose body cannot be decoded: Celery acknowledges them and sends no signal."""

    def emit(self, record: logging.LogRecord) -> None:
        """Find the message by the id in its headers, which Celery logs."""
        if str(record.msg).lstrip().startswith("Can't decode message body"):
            note("gone", marks.found(record.getMessage()), text="its body cannot be decoded")


#: The logger of the part of the worker that reads messages.
CONSUMER: Final = "celery.worker.consumer.consumer"

logging.getLogger(CONSUMER).addHandler(DecodeErrors(logging.CRITICAL))


def _id(message: Any) -> str:
    """Return the id in the headers of a message; else the one that senders use for replies."""
    headers = getattr(message, "headers", None)
    properties = getattr(message, "properties", None)
    for holder, key in ((headers, "id"), (properties, "correlation_id")):
        if isinstance(holder, dict) and isinstance(holder.get(key), str):
            return str(holder[key])
    return ""
