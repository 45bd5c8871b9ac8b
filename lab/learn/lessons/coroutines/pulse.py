"""A worker's signs of life as others see them: its heartbeats, and its answers when it is asked.

It must not know what the worker does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from celery import Celery

from cluster.discovery import RemoteControl
from tasks.lessons.notebook import Notebook

#: Seconds that an answer may take.
PATIENCE_S: Final = 5.0
#: Seconds between an answer and the next question.
PAUSE_S: Final = 0.05
#: Seconds beyond which an answer counts as late, in the timeline.
LATE_S: Final = 0.25


@dataclass(slots=True)
class Heartbeats:
    """Heartbeats of one worker as they arrive; instants by this process's monotonic clock."""

    node: str
    arrived: list[float] = field(default_factory=list)
    every_s: float = 0.0  # as the worker says; 0: none has come yet

    def await_one(self, timeout_s: float) -> bool:
        """Wait for the next; return whether it came."""
        known, deadline = len(self.arrived), time.monotonic() + timeout_s
        while len(self.arrived) == known and time.monotonic() < deadline:
            time.sleep(0.01)
        return len(self.arrived) > known

    def late_s(self, from_at: float, to_at: float) -> float | None:
        """Return by how much the one that was due within the two instants was late.

        None where none was due then, or none came after.
        """
        before = [at for at in self.arrived if at <= from_at]
        after = [at for at in self.arrived if at > from_at]
        if not before or not after or not from_at < before[-1] + self.every_s < to_at:
            return None
        return after[0] - before[-1] - self.every_s

    def note(self, event: Any) -> None:
        """Take an event of Celery's."""
        if event.get("hostname") == self.node:
            self.every_s = float(event.get("freq") or 0.0)
            self.arrived.append(time.monotonic())


@contextmanager
def heartbeats(app: Celery, url: str, node: str) -> Iterator[Heartbeats]:
    """Listen to a worker's heartbeats while the body runs."""
    heard = Heartbeats(node)
    with app.connection_for_read(url) as connection:
        receiver: Any = app.events.Receiver(connection, handlers={"worker-heartbeat": heard.note})
        listening = threading.Thread(target=_listen, args=(receiver,), daemon=True)
        listening.start()
        try:
            yield heard
        finally:
            receiver.should_stop = True
            listening.join()


def _listen(receiver: Any) -> None:
    # It goes on until it is told to stop, or its broker is gone: then there is nothing to hear.
    with suppress(OSError, *receiver.connection.connection_errors):
        receiver.capture(wakeup=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One question and its answer; seconds since the scene's start."""

    asked_s: float
    answered_s: float


def ask_until(remote: RemoteControl, node: str, notebook: Notebook, until_s: float) -> list[Answer]:
    """Ask a worker whether it is there, again and again until `until_s` by the notebook's time.

    Each answer is noted; one that does not come counts as what was waited for it.
    """
    answers = []
    while (asked_s := notebook.elapsed_s) < until_s:
        remote.ask("ping", [node], patience_s=PATIENCE_S)
        answered_s = notebook.elapsed_s
        answers.append(Answer(asked_s=asked_s, answered_s=answered_s))
        late = answered_s - asked_s > LATE_S
        notebook.note("blocked" if late else "waits", "ping", asked_s, answered_s)
        time.sleep(PAUSE_S)
    return answers
