"""The mixin of a task's request that counts how often a worker died while it ran the task."""

from __future__ import annotations

from typing import Any

from billiard.einfo import ExceptionInfo, ExceptionWithTraceback  # type: ignore[attr-defined]
from billiard.exceptions import WorkerLostError
from celery.exceptions import InvalidTaskError
from celery.utils.log import worker_logger
from celery.worker import state

from worker.delivery.keep import count_death, owned
from worker.delivery.limits import most_deaths, times
from worker.delivery.marks import RUNNING, STARTED
from worker.delivery.validity import fault

_DEAD = "%s[%s] became a dead letter: its process died %s; see `poolwise dead list`"

_NOT_COUNTED = "%s[%s]: its process died, which cannot be counted without a connection to Redis"


class DeadLetteredError(Exception):
    """Raised as the result of a task whose message became a dead letter."""


class CountedRequest:
    """A mixin for the class of a task's requests."""

    def __init__(self, message: Any, *args: Any, **kwargs: Any) -> None:
        """Read a message; raise InvalidTaskError if it is malformed, whatever Celery raises."""
        try:
            super().__init__(message, *args, **kwargs)  # type: ignore[call-arg]
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise InvalidTaskError(f"{type(error).__name__}: {error}") from error
        request: Any = self
        if found := fault(request._request_dict, request._payload):
            raise InvalidTaskError(found)

    def on_accepted(self, *args: Any, **kwargs: Any) -> Any:
        """Note the start of a task that was delivered before."""
        request: Any = self
        message = request.message
        if owned(message):
            RUNNING.add(message.delivery_tag)
        if request.delivery_info["redelivered"] and request.task.acks_late and owned(message):
            try:
                STARTED.add(message.delivery_tag, request.id, message.channel)
            except Exception:  # noqa: BLE001 - a channel that was closed may raise anything
                worker_logger.debug("cannot note the start of %s", request.id, exc_info=True)
        return super().on_accepted(*args, **kwargs)  # type: ignore[misc]

    def on_failure(self, exc_info: Any, *args: Any, **kwargs: Any) -> Any:
        """Count a death; keep the message as a dead letter if it was the last that is allowed."""
        if self._died(exc_info):
            request: Any = self
            if _is_last_death(request):
                # Celery acknowledges a failed task, which also ends its part of the prefetch count.
                exc_info = _given_up(request)
            elif isinstance(_error_of(exc_info), MemoryError):
                # Celery would raise it in the worker's main process, which ends it.
                state.task_ready(request)
                return request.reject(requeue=True)
        return super().on_failure(exc_info, *args, **kwargs)  # type: ignore[misc]

    def _announce_cancelled(self, *args: Any, **kwargs: Any) -> Any:
        """Note that a task was stopped, so that its message goes back.

        In a cold shutdown, it goes back when the channel is closed. After a connection loss, the
        channel has been closed already.
        """
        request: Any = self
        message = request.message
        RUNNING.discard(message.delivery_tag)
        try:
            return super()._announce_cancelled(*args, **kwargs)  # type: ignore[misc]
        finally:
            # Without it, Celery acknowledges the task as revoked if storing its state failed above.
            request._already_cancelled = True
            if owned(message) and message.channel._closing:
                request.reject(requeue=True)

    def _died(self, exc_info: Any) -> bool:
        """Return whether the task's process died, and the task would run again."""
        request: Any = self
        if request.acknowledged or request._already_cancelled or request._already_revoked:
            return False
        if not (request.task.acks_late and request.task.reject_on_worker_lost):
            return False
        stopping = state.should_stop is not None or state.should_terminate is not None
        kinds = (WorkerLostError, MemoryError, SystemExit, KeyboardInterrupt)
        return not stopping and isinstance(_error_of(exc_info), kinds) and owned(request.message)


def _is_last_death(request: Any) -> bool:
    """Count a death; return whether the message is a dead letter now.

    If that fails, the death does not count: Celery has to settle the message all the same.
    """
    try:
        return count_death(request.message, most_deaths())
    except Exception:  # noqa: BLE001 - a channel that was closed may raise anything
        worker_logger.warning(_NOT_COUNTED, request.name, request.id, exc_info=True)
        return False


def _error_of(exc_info: Any) -> BaseException:
    error: BaseException = exc_info.exception
    return error.exc if isinstance(error, ExceptionWithTraceback) else error


def _given_up(request: Any) -> Any:
    deaths = most_deaths()
    try:
        raise DeadLetteredError(f"its process died {times(deaths)}; see `poolwise dead list`")
    except DeadLetteredError:
        worker_logger.error(_DEAD, request.name, request.id, times(deaths))
        return ExceptionInfo()
