"""The mixin of a task's request that keeps its message if a cold shutdown stops the task.

A gevent pool stops a task by killing its greenlet, and reports that as a success a moment later
(`TaskPool._make_killable_target` in `celery/concurrency/gevent.py`). Celery would acknowledge it.
"""

from __future__ import annotations

from typing import Any

from kombu.utils.imports import symbol_by_name


class KeptRequest:
    """A mixin for the class of a task's requests."""

    _greenlet_stopped = False

    def cancel(self, pool: Any, *args: Any, **kwargs: Any) -> Any:
        """Stop the task because the worker shuts down."""
        self._greenlet_stopped = pool.is_green
        return super().cancel(pool, *args, **kwargs)  # type: ignore[misc]

    def acknowledge(self) -> None:
        """Acknowledge the message, unless the task ended only because its greenlet was stopped."""
        if not self._greenlet_stopped:
            super().acknowledge()  # type: ignore[misc]


def returns_stopped(app: Any) -> bool:
    """Return whether the requests of all tasks of an app have the mixin."""
    return all(issubclass(symbol_by_name(task.Request), KeptRequest) for task in app.tasks.values())
