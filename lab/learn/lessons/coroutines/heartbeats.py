"""Receives a worker's heartbeats; it must not know what the worker does."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from celery import Celery

from producer.broker import NEVER_REDELIVER


@dataclass(slots=True)
class Heartbeats:
    """The heartbeats of one worker as they arrive; instants by this process's monotonic clock."""

    node: str
    arrived: list[float] = field(default_factory=list)
    every_s: float = 0.0  # as the worker reports it; 0 until a heartbeat has arrived

    def await_one(self, timeout_s: float) -> bool:
        """Wait for the next heartbeat; return whether it arrived."""
        known, deadline = len(self.arrived), time.monotonic() + timeout_s
        while len(self.arrived) == known and time.monotonic() < deadline:
            time.sleep(0.01)
        return len(self.arrived) > known

    def late_s(self, from_at: float, to_at: float) -> float | None:
        """Return how late the heartbeat was that was due between the two instants.

        None if no heartbeat was due then, or if none arrived afterwards.
        """
        before = [at for at in self.arrived if at <= from_at]
        after = [at for at in self.arrived if at > from_at]
        if not before or not after or not from_at < before[-1] + self.every_s < to_at:
            return None
        return after[0] - before[-1] - self.every_s

    def note(self, event: Any) -> None:
        """Handle a `worker-heartbeat` event."""
        if event.get("hostname") == self.node:
            self.every_s = float(event.get("freq") or 0.0)
            self.arrived.append(time.monotonic())


@contextmanager
def heartbeats(app: Celery, url: str, node: str) -> Iterator[Heartbeats]:
    """Receive a worker's heartbeats while the body runs."""
    received = Heartbeats(node)
    with app.connection_for_read(url, transport_options=NEVER_REDELIVER) as connection:
        handlers = {"worker-heartbeat": received.note}
        receiver: Any = app.events.Receiver(connection, handlers=handlers)
        listening = threading.Thread(target=_listen, args=(receiver,), daemon=True)
        listening.start()
        try:
            yield received
        finally:
            receiver.should_stop = True
            listening.join()


def _listen(receiver: Any) -> None:
    # Runs until should_stop is set. If the broker goes away there is nothing more to receive.
    with suppress(OSError, *receiver.connection.connection_errors):
        receiver.capture(wakeup=False)
