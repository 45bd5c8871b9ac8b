"""Keeps a file fresh while a worker's event loop turns, for health checks: `-I worker.alive`.

`POOLWISE_ALIVE_FILE` names the file; without it nothing is written. A health check then looks at
the file's age, which costs a thousandth of asking the worker by a `celery inspect` of its own. It
knows nothing of pools or tasks; importing it only connects signal handlers.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from celery.signals import worker_ready, worker_shutdown

#: Seconds between two touches.
INTERVAL_S: Final = 5.0
#: Where the file is, if anywhere.
FILE_VARIABLE: Final = "POOLWISE_ALIVE_FILE"

_previous: Any = None


# The timer is the consumer's own: it stands still with the loop that takes and acknowledges tasks.
@worker_ready.connect(dispatch_uid="poolwise-alive")
def begin(sender: Any, **_: Any) -> None:
    """Touch the file from now on; said again after each reconnection to the broker."""
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
    """Remove the file: a worker that shuts down is not to be counted on."""
    if path := os.environ.get(FILE_VARIABLE):
        Path(path).unlink(missing_ok=True)
