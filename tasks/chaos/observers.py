"""Notes in the ledger how Celery ends tasks that do not end by themselves.

Load it with `-I tasks.chaos.observers`. It only listens to Celery's signals, and works with any
app.
"""

from __future__ import annotations

from typing import Any

from celery.signals import task_failure, task_rejected, task_revoked, task_unknown

from tasks.chaos.ledger import note


@task_failure.connect(dispatch_uid="poolwise-ledger-failed")
def failed(task_id: str = "", exception: object = None, **_: Any) -> None:
    """Note that Celery stored a failure, also for a task whose process died."""
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


def _id(message: Any) -> str:
    headers = getattr(message, "headers", None) or {}
    return str(headers.get("id", "")) if isinstance(headers, dict) else ""
