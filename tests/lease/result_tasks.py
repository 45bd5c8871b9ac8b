"""Tasks whose results tests wait for; a worker includes them in `tests.lease.shop`."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from celery.utils.log import get_task_logger

from tests.lease.notes import notes


class ComplaintError(Exception):
    """An error with two arguments."""


def until_released(key: str) -> None:
    """Wait until the test lets the task go on."""
    assert notes().blpop([key], timeout=30)


@shared_task
def echo(value: Any) -> Any:
    """Return the argument."""
    return value


@shared_task
def ask(value: Any) -> Any:
    """Send a task and return its result."""
    return echo.delay(value).get(timeout=20, disable_sync_subtasks=False)


@shared_task
def ask_nobody() -> None:
    """Wait for the result of a task that no worker runs."""
    echo.apply_async((1,), queue="nobody").get(timeout=60, disable_sync_subtasks=False)


@shared_task
def total(numbers: list[int], more: int = 0) -> int:
    """Return a sum."""
    return sum(numbers) + more


@shared_task
def add(one: int, other: int) -> int:
    """Return a sum of two."""
    return one + other


@shared_task
def complain(_argument: Any = None) -> None:
    """Raise an error."""
    raise ComplaintError("no", 2)


@shared_task(ignore_result=True)
def silent() -> int:
    """Return what nobody stores."""
    return 1


@shared_task(track_started=True)
def started(key: str) -> str:
    """Wait in the state STARTED."""
    until_released(key)
    return "end"


@shared_task(bind=True)
def progress(self: Any, key: str) -> str:
    """Wait in a state of its own, changed twice."""
    self.update_state(state="PROGRESS", meta={"step": 1})
    self.update_state(state="PROGRESS", meta={"step": 2})
    until_released(key)
    return "end"


@shared_task(bind=True)
def again(self: Any, key: str) -> str:
    """Retry once, then wait in the state RETRY."""
    if not self.request.retries:
        raise self.retry(exc=ValueError("first"), countdown=0)
    until_released(key)
    return "end"


@shared_task
def nested(number: int) -> int:
    """Send another task and return, so that the result has a child."""
    echo.delay(number)
    return number


@shared_task
def note_error(request: Any, error: Any, _traceback: Any) -> None:
    """Note that an error callback ran."""
    notes().rpush(f"errors-{request.id}", repr(error))


@shared_task
def report(number: int) -> int:
    """Log that it ran."""
    get_task_logger(__name__).warning("ran %d", number)
    return number
