"""Keeps a background job running in a thread, and knows why it has nothing new; it knows no job.

A thread that ends is noticed, reported as trouble and started again. If the broker is away, that
is the whole reason, and the job is soon started again. Any other error is a fault of Poolwise: it
is counted and logged, and the pauses grow, because it may happen each time.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final, Literal

from amqp.exceptions import AMQPError

from producer.broker import is_broker_fault, reason
from tasks.errors import PoolwiseError

#: Seconds until a job is started again after the broker went away.
RETRY_S: Final = 0.5
#: Seconds until a job is started again after its first fault; the pause doubles with each further
#: one, up to the longest.
FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 30.0
#: Seconds that a job must run before a fault counts as its first again.
STEADY_S: Final = 60.0
#: Seconds of faults or silence after which a restart of Flower is worth trying.
STUCK_S: Final = 30.0

logger = logging.getLogger(__name__)

Clock = Callable[[], float]


class Health:
    """Whether a job delivers, and if not, why."""

    def __init__(
        self,
        what: str,
        clock: Clock = time.monotonic,
        *,
        action: Literal["read", "store", "update"] = "read",
    ) -> None:
        """Start without a delivery; `what` names what the job works on, as in "records"."""
        self.what = what
        self._action = action
        self._clock = clock
        self._trouble = "not connected yet"
        self._delivered_at = clock()
        self._fault = False  # whether the trouble is a fault of Poolwise
        self.faults = 0  # since the start

    def delivered(self) -> None:
        """Note that the job has just done its work."""
        if self._trouble:
            logger.info("able to %s %s", self._action, self.what)
        self._delivered_at, self._trouble, self._fault = self._clock(), "", False

    def failed(self, error: BaseException) -> bool:
        """Note why the job ended; return whether that is a fault of Poolwise."""
        self._fault = not _is_away(error)
        self.faults += self._fault
        before, self._trouble = self._trouble, _words(error, self._fault)
        if self._trouble != before:
            level = logging.ERROR if self._fault else logging.WARNING
            logger.log(
                level,
                "cannot %s %s, trying again: %s",
                self._action,
                self.what,
                self._trouble,
                exc_info=error if self._fault else None,
            )
        return self._fault

    @property
    def trouble(self) -> str:
        """Why there is nothing new; empty if there is."""
        silent_s = self._clock() - self._delivered_at
        if not self._trouble and silent_s > STUCK_S:
            return f"no answer for {silent_s:.0f} s"
        return self._trouble

    @property
    def is_stuck(self) -> bool:
        """Whether a restart of Flower might help: the job has long failed, or waits for ever."""
        long = self._clock() - self._delivered_at > STUCK_S
        return long and (self._fault or not self._trouble)


class Supervisor:
    """Runs `work(stop, delivered)` in a thread, again and again, until it is stopped.

    `work` follows something until `stop` is set, and calls `delivered` whenever it has succeeded.
    """

    def __init__(
        self,
        health: Health,
        work: Callable[[threading.Event, Callable[[], None]], None],
        clock: Clock = time.monotonic,
    ) -> None:
        self.health = health
        self._work = work
        self._clock = clock
        self._stop_requested = threading.Event()
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self._started_at = self._due = clock()
        self._pause_s = FIRST_PAUSE_S
        self.starts = 0

    def check(self) -> None:
        """Start the thread if it is not running and its pause is over; call this often."""
        if self._thread is not None:
            if self._thread.is_alive():
                return
            self._thread = None
            self._due = self._clock() + self._pause()
        if self._clock() >= self._due and not self._stop_requested.is_set():
            self._start()

    def stop(self) -> None:
        """Ask the thread to stop, and start no other."""
        self._stop_requested.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread to end; return whether it has."""
        if self._thread is not None:
            self._thread.join(timeout_s)
        return self._thread is None or not self._thread.is_alive()

    def _start(self) -> None:
        self._error = None
        self._started_at = self._clock()
        self.starts += 1
        name = f"throughput-{self.health.what.replace(' ', '-')}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._work(self._stop_requested, self.health.delivered)
        except BaseException as error:  # noqa: BLE001 - the thread's edge: `check` reports it
            self._error = error

    def _pause(self) -> float:
        """Report why the thread ended; return the seconds until it is started again."""
        error = self._error or RuntimeError("the thread ended without an error")
        if self._stop_requested.is_set() or not self.health.failed(error):
            return RETRY_S
        if self._clock() - self._started_at > STEADY_S:
            self._pause_s = FIRST_PAUSE_S
        pause_s, self._pause_s = self._pause_s, min(2 * self._pause_s, LONGEST_PAUSE_S)
        return pause_s


def _words(error: BaseException, fault: bool) -> str:
    """Describe an error without text of others, which may hold a password."""
    if isinstance(error, PoolwiseError):
        return str(error)
    return f"{type(error).__name__}; Flower's log has the details" if fault else reason(error)


def _is_away(error: BaseException) -> bool:
    """Return whether the broker caused the error; kombu wraps some errors and lets others pass."""
    return is_broker_fault(error) or isinstance(error, OSError | AMQPError)
