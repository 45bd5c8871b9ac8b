"""Touches a file while a worker's event loop runs, for health checks: `-I worker.alive`.

`POOLWISE_ALIVE_FILE` names the file; without it nothing is written. The health check reads the
file's age, at a thousandth of the cost of a `celery inspect` command. Importing this module only
connects signal handlers; it knows no pools and no tasks.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from celery.signals import worker_ready, worker_shutdown

#: Seconds between two touches.
INTERVAL_S: Final = 5.0
#: The environment variable with the path of the file.
FILE_VARIABLE: Final = "POOLWISE_ALIVE_FILE"

_previous: Any = None


# The consumer's own timer stops if the loop that fetches and acknowledges tasks hangs.
@worker_ready.connect(dispatch_uid="poolwise-alive")
def begin(sender: Any, **_: Any) -> None:
    """Start touching the file; called again after each reconnection to the broker."""
    global _previous  # noqa: PLW0603 - one worker in one process
    path = os.environ.get(FILE_VARIABLE)
    if not path:
        return
    if _previous is not None:
        sender.timer.cancel(_previous)
    Path(path).touch()
    _previous = sender.timer.call_repeatedly(INTERVAL_S, Path(path).touch)


@worker_shutdown.connect(dispatch_uid="poolwise-alive")
def end(**_: Any) -> None:
    """Remove the file: a worker that shuts down is not healthy."""
    if path := os.environ.get(FILE_VARIABLE):
        Path(path).unlink(missing_ok=True)
