"""Celery's consumer, which keeps messages that no worker can run instead of dropping them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import celery.worker.state as held
from celery.utils.log import worker_logger

from worker.delivery.keep import keep
from worker.delivery.qos import BROKER_ERRORS


class KeepingConsumer:
    """A mixin for the class of the worker's consumer.

    Celery logs such messages with their arguments, then acknowledges or rejects them.
    """

    def on_unknown_message(self, body: Any, message: Any) -> None:
        """Keep a message that names no task."""
        keep(message, "not a task message: it names no task")
        super().on_unknown_message(body, message)  # type: ignore[misc]

    def on_unknown_task(self, body: Any, message: Any, exc: Exception) -> None:
        """Keep a message for a task that this worker does not know."""
        keep(message, f"the task {exc} is not registered in this worker")
        super().on_unknown_task(body, message, exc)  # type: ignore[misc]

    def on_invalid_task(self, body: Any, message: Any, exc: Exception) -> None:
        """Keep a message whose headers or body Celery refuses."""
        keep(message, f"invalid task message: {exc}")
        super().on_invalid_task(body, message, exc)  # type: ignore[misc]

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """Keep a message whose body cannot be decoded."""
        keep(message, f"its body cannot be decoded: {exc}")
        super().on_decode_error(message, exc)  # type: ignore[misc]

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], Any]:
        """Return Celery's handler of messages; what it cannot read, it keeps.

        Celery expects headers and bodies of the right types. Any other error of its handler ends
        pools that have no event loop, or is taken for a lost connection for ever.
        """
        receive = super().create_task_handler(*args, **kwargs)  # type: ignore[misc]

        def receive_or_keep(message: Any) -> Any:
            try:
                return receive(message)
            except BROKER_ERRORS:
                raise
            except Exception as error:
                if message.acknowledged or _was_accepted(message):
                    raise
                worker_logger.error("cannot read a message", exc_info=True)
                keep(message, f"invalid task message: {type(error).__name__}: {error}")
                message.reject()

        return receive_or_keep


def _was_accepted(message: Any) -> bool:
    """Return whether Celery has made a request of the message, so that the error is another's."""
    requests: dict[Any, Any] = held.requests
    return any(request.message is message for request in tuple(requests.values()))
