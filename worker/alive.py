"""Touches a file while a worker is healthy, for health checks: `-I worker.alive`.

A worker is healthy while its event loop runs, and while it waits for its broker to come back.

`POOLWISE_ALIVE_FILE` names the file; without it nothing is written. The health check reads the
file's age, at a thousandth of the cost of a `celery inspect` command. Importing this module only
connects signal handlers; it knows no pools and no tasks.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any, Final

from celery import bootsteps
from celery.signals import worker_init, worker_ready, worker_shutdown

#: Seconds between two touches.
INTERVAL_S: Final = 5.0
#: The environment variable with the path of the file.
FILE_VARIABLE: Final = "POOLWISE_ALIVE_FILE"

_previous: Any = None
#: Set while the event loop runs, and once the worker shuts down.
_looping = threading.Event()


class Reconnecting(bootsteps.StartStopStep):
    """Touches the file from the end of the event loop until the worker is ready again.

    It would not help to restart a worker whose broker is away.
    """

    def start(self, parent: Any) -> None:
        """Do nothing: the worker is ready later."""

    def stop(self, parent: Any) -> None:  # noqa: ARG002 - Celery's signature
        """Start touching; Celery calls it when the connection is lost, and at the end."""
        if path := os.environ.get(FILE_VARIABLE):
            _looping.clear()
            threading.Thread(target=_touch_until_looping, args=(Path(path),), daemon=True).start()


def _touch_until_looping(path: Path) -> None:
    while not _looping.wait(INTERVAL_S):
        path.touch()


@worker_init.connect(dispatch_uid="poolwise-alive")
def prepare(sender: Any, **_: Any) -> None:
    """Add the step to the worker that starts."""
    sender.app.steps["consumer"].add(Reconnecting)


# The consumer's own timer stops if the loop that fetches and acknowledges tasks hangs.
@worker_ready.connect(dispatch_uid="poolwise-alive")
def begin(sender: Any, **_: Any) -> None:
    """Start touching the file; called again after each reconnection to the broker."""
    global _previous  # noqa: PLW0603 - one worker in one process
    path = os.environ.get(FILE_VARIABLE)
    if not path:
        return
    _looping.set()
    if _previous is not None:
        sender.timer.cancel(_previous)
    Path(path).touch()
    _previous = sender.timer.call_repeatedly(INTERVAL_S, Path(path).touch)


@worker_shutdown.connect(dispatch_uid="poolwise-alive")
def end(**_: Any) -> None:
    """Remove the file: a worker that shuts down is not healthy."""
    _looping.set()
    if path := os.environ.get(FILE_VARIABLE):
        Path(path).unlink(missing_ok=True)
