"""A trial on a worker of docker compose: its load, its ledger and its container."""

from __future__ import annotations

import json
import queue
import random
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import replace
from typing import Final

from lab.chaos.compose.project import Container, docker, state
from lab.chaos.trial.book import Book, Sent
from lab.chaos.trial.waiting import Waiting
from tasks.chaos.ledger import Line, decoded
from tasks.chaos.shared_ledger import number
from tasks.errors import WorkerError

#: Seconds that the container that sends may take to start.
START_S: Final = 60.0
#: Seconds that it may take to end.
END_S: Final = 10.0
#: Seconds without anything happening after which a trial is over, longer than redelivery takes.
SETTLE_S: Final = 75.0
#: How long a task takes, and the messages that wait in the queue.
TASK_S, AHEAD = 0.2, 60


class _Lines:
    """The lines of the ledger that have arrived."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Line] = queue.SimpleQueue()

    def put(self, line: Line) -> None:
        """Add a line."""
        self._queue.put(line)

    def new(self) -> list[Line]:
        """Return the lines since the last call."""
        found = []
        while not self._queue.empty():
            found.append(self._queue.get())
        return found


class ComposeTrial(Waiting):
    """What the faults of containers need."""

    def __init__(self, container: Container, run: str, seed: int, stop: threading.Event) -> None:
        super().__init__(container.service, stop)
        self.container = container
        self.random = random.Random(f"{seed} {container.service}")  # noqa: S311 - no secret
        self._lines = _Lines()
        self.book = Book(self._lines)
        self.left: frozenset[str] = frozenset()
        self.dead: frozenset[str] = frozenset()
        self.transport = ""
        self._offset_s: float | None = None  # from the container's clock to ours
        self._stopped = threading.Event()
        self._process = subprocess.Popen(
            [
                *("docker", "compose", "run", "--rm", "--no-deps", "--no-TTY"),
                *("--entrypoint", "poolwise-entrypoint", "poolwise"),
                *("python", "-m", "lab.chaos.compose.feed"),
                *(run, container.pool, str(TASK_S), str(AHEAD)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    @property
    def places(self) -> frozenset[int]:
        """What the ledger calls the container."""
        return frozenset([number(self.container.id)])

    def start(self) -> None:
        """Wait until the worker runs tasks."""
        self.until(self.running, START_S, "the worker runs no task")

    def running(self) -> dict[str, float]:
        """Return the tasks that the worker runs."""
        self._check()
        return self.book.running(self.places)

    def busy(self) -> dict[str, float]:
        """Wait for a random moment in which the worker runs tasks; return them."""
        self.pause(self.random.uniform(0, 2 * TASK_S))
        found: dict[str, float] = {}

        def runs() -> bool:
            found.update(self.running())
            return bool(found)

        self.until(runs, START_S, "the worker runs no task")
        return found

    def start_again(self) -> None:
        """Bring the container back, whatever was done to it."""
        now = state(self.container)
        if now == "paused":
            docker("unpause", self.container.id)
        elif now != "running":
            docker("start", self.container.id)

    def stop_sending(self) -> None:
        """Stop the load."""
        self._tell("stop")
        stuck = "the container that sends tasks does not stop sending"
        self.until(self._stopped.is_set, START_S, stuck)

    def finish(self) -> None:
        """Read what is left in the broker, and end the container that sends."""
        self._tell("end")
        stuck = "the container that sends tasks does not exit"
        self.until(lambda: not self._reading.is_alive(), START_S, stuck)

    def close(self) -> None:
        """End the container that sends, and bring the worker back."""
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reading.join(END_S)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None and not self._reading.is_alive():
                pipe.close()
        self.start_again()

    def _tell(self, word: str) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        try:
            self._process.stdin.write(f"{word}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            self._process.wait(START_S)
            raise self._failure() from None

    def _check(self) -> None:
        if self._process.poll() is not None:
            raise self._failure()

    def _failure(self) -> WorkerError:
        assert self._process.stderr is not None  # noqa: S101 - it was asked for
        last = (self._process.stderr.read().strip().splitlines() or ["no message"])[-1]
        return WorkerError(f"{self._name}: the container that sends tasks ended: {last}")

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        for text in self._process.stdout:
            kind, *parts = json.loads(text)
            if kind == "now":
                self._offset_s = time.monotonic() - parts[0]
            elif kind == "sent":
                task_id, at_s, known = parts
                self.book.add(Sent(task_id=task_id, at_s=at_s + self._offset, known=known))
            elif kind == "line":
                line = decoded(parts[0])
                self._lines.put(replace(line, at_s=line.at_s + self._offset))
            elif kind == "transport":
                self.transport = parts[0]
            elif kind == "stopped":
                self._stopped.set()
            else:
                self.left, self.dead = frozenset(parts[0]), frozenset(parts[1])

    @property
    def _offset(self) -> float:
        return self._offset_s or 0.0
