"""The heartbeat of this worker, which goes on while Redis is away and while the pool is blocked."""

from __future__ import annotations

from typing import Final

from celery import Celery
from celery.utils.log import worker_logger

from worker.delivery import limits
from worker.delivery.line import Line
from worker.delivery.native import NativeThread

#: Seconds that the end of the worker waits for the last beat.
LAST_BEAT_S: Final = 3.0

_FAILED: Final = (
    "cannot reach Redis to renew the registration of this worker (%s); if that lasts longer than "
    "%d s, its messages are delivered again"
)


class Heart:
    """Beats until it is stopped, on a new connection after each error."""

    def __init__(self, app: Celery, most_deaths: int) -> None:
        """Prepare; the thread makes its connection itself."""
        self._app = app
        self._most_deaths = most_deaths
        self._line: Line | None = None
        self._failing = False
        self._thread = NativeThread(self._beat, self._leave, limits.BEAT_S)

    def start(self) -> None:
        """Start beating."""
        self._thread.start()

    def stop(self) -> None:
        """Let others have at once what this worker still holds."""
        self._thread.stop(LAST_BEAT_S)

    def _beat(self) -> None:
        try:
            if self._line is None:
                self._line = Line(self._app, self._most_deaths)
            self._line.beat()
            self._failing = False
        except Exception as error:  # noqa: BLE001 - whatever fails, the next beat tries again
            if not self._failing:
                worker_logger.warning(_FAILED, type(error).__name__, limits.ALIVE_S)
            self._failing = True
            self._hang_up()

    def _leave(self) -> None:
        try:
            if self._line is not None:
                self._line.leave()
        except Exception:  # noqa: BLE001 - it is the end: others notice that the heart has stopped
            worker_logger.debug("cannot end the registration of this worker", exc_info=True)
        self._hang_up()

    def _hang_up(self) -> None:
        line, self._line = self._line, None
        try:
            if line is not None:
                line.close()
        except Exception:  # noqa: BLE001 - the connection was broken already
            worker_logger.debug("cannot close a broken connection", exc_info=True)
