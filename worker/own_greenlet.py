"""Runs the signal handlers of a gevent worker in a greenlet of their own.

Python runs a signal's handler in whichever greenlet is active at that moment. In the event loop, a
handler must not wait: gevent raises BlockingSwitchOutError. In the greenlet of a task, it is killed
when Celery's cold shutdown kills that task. Both break the shutdown off, and the worker never ends.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any, Final

from celery.signals import worker_ready

#: The signals that stop a worker.
STOPPING: Final = (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT)


@worker_ready.connect(dispatch_uid="poolwise-own-greenlet")
def wrap_handlers(sender: Any, **_: Any) -> None:
    """Wrap the handlers that Celery has installed in the worker whose consumer is ready."""
    if not sender.pool.is_green:
        return
    for number in STOPPING:
        handler = signal.getsignal(number)
        if callable(handler) and not isinstance(handler, InOwnGreenlet):
            signal.signal(number, InOwnGreenlet(handler))


class InOwnGreenlet:
    """A signal handler that runs another one in a new greenlet."""

    def __init__(self, handler: Callable[..., Any]) -> None:
        self._handler = handler

    def __call__(self, *args: Any) -> None:
        """Handle a signal."""
        import gevent  # noqa: PLC0415 - only gevent workers need it

        gevent.spawn(self._handler, *args)
