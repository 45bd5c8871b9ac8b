"""Runs a batch, as celery-batches does."""

from __future__ import annotations

from typing import Any

from celery import signals
from celery._state import _task_stack  # type: ignore[attr-defined]
from celery.app.task import Context
from celery.utils.log import get_logger

logger = get_logger(__name__)


def apply_batches_task(task: Any, args: Any, loglevel: int, logfile: None) -> Any:
    """Return the result of the task; log its error, and return None."""
    _task_stack.push(task)
    task.request_stack.push(Context(loglevel=loglevel, logfile=logfile))
    success_receivers = signals.task_success.receivers
    try:
        try:
            result = task(*args)
        except Exception as error:
            result = None
            logger.error("Error: %r", error, exc_info=True)
        else:
            if success_receivers:
                signals.task_success.send(sender=task, result=result)
    finally:
        _task_stack.pop()
        task.request_stack.pop()
    return result
