"""Messages that are no task, or a task that no worker can run."""

from __future__ import annotations

import json
from typing import Final

from celery import Celery

from lab.chaos.bad.outbox import UNSEEN_S, publish, put_raw, put_task, sender
from lab.chaos.faults.fault import Fault
from lab.chaos.trial.trial import WORKERS, Trial

#: Characters of the large argument.
LARGE: Final = 10_000_000
#: Seconds that workers may take to answer that they know of a revocation.
REVOKE_S: Final = 5.0


def not_json(trial: Trial, task_id: str) -> None:
    """Put a text into the queue that is not JSON."""
    put_raw(trial, f"order {task_id} = {{not JSON")


def other_json(trial: Trial, task_id: str) -> None:
    """Put JSON into the queue that no Celery or kombu made."""
    put_raw(trial, json.dumps({"order": task_id}))


def not_a_task(trial: Trial, task_id: str) -> None:
    """Send a message through kombu that is no task."""
    publish(trial, {"order": task_id}, serializer="json", correlation_id=task_id)


def broken_body(trial: Trial, task_id: str) -> None:
    """Send the headers of a task with a body that is not JSON."""
    headers = {"task": "chaos.work", "id": task_id, "lang": "py"}
    publish(
        trial, b"[not JSON", headers=headers, correlation_id=task_id,
        content_type="application/json", content_encoding="utf-8",
    )  # fmt: skip


def unknown_task(trial: Trial, task_id: str) -> None:
    """Send a task that no worker has."""
    put_task(trial, task_id, "chaos.nobody_has_this")


def wrong_signature(trial: Trial, task_id: str) -> None:
    """Send a task with arguments that do not match its signature."""
    put_task(trial, task_id, "chaos.work", (1, 2, 3))


def large_arguments(trial: Trial, task_id: str) -> None:
    """Send a task with very large arguments."""
    put_task(trial, task_id, "chaos.take", ("x" * LARGE,))


def revoked(trial: Trial, task_id: str) -> None:
    """Revoke a task, then send it."""
    with Celery("revoker", broker=trial.broker.url, set_as_current=False) as caller:
        caller.control.revoke(task_id, reply=True, timeout=REVOKE_S, limit=WORKERS)
    put_task(trial, task_id, "chaos.take", ("x",))


BAD_MESSAGES: Final = (
    Fault(
        name="not-json",
        text="a message in the queue that is not JSON",
        target="message",
        inject=sender(not_json, UNSEEN_S),
    ),
    Fault(
        name="other-json",
        text="JSON in the queue without kombu's envelope",
        target="message",
        inject=sender(other_json, UNSEEN_S),
    ),
    Fault(
        name="not-a-task",
        text="a kombu message that is not a Celery task",
        target="message",
        inject=sender(not_a_task),
    ),
    Fault(
        name="broken-body",
        text="a task whose arguments are not JSON",
        target="message",
        inject=sender(broken_body),
    ),
    Fault(
        name="unknown-task",
        text="a task that no worker has registered",
        target="message",
        inject=sender(unknown_task),
    ),
    Fault(
        name="wrong-signature",
        text="a task with arguments that do not match its signature",
        target="message",
        inject=sender(wrong_signature),
    ),
    Fault(
        name="large-arguments",
        text=f"a task with {LARGE // 1_000_000} MB of arguments",
        target="message",
        inject=sender(large_arguments),
    ),
    Fault(
        name="revoked",
        text="a task that was revoked before it was sent",
        target="message",
        inject=sender(revoked),
    ),
)
