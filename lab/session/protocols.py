"""What a measurement needs of a worker: a queue of its own, signs of life, and where to look."""

from __future__ import annotations

from typing import Protocol

from cluster.local import RunningWorker


class Worker(Protocol):
    """A worker that takes part, whoever started it."""

    @property
    def node(self) -> str:
        """Its name in Celery and Flower."""

    @property
    def queue(self) -> str:
        """The queue that it alone consumes."""

    @property
    def pid(self) -> int | None:
        """Its main process; None where that is on another machine or in another container."""

    @property
    def start_up_s(self) -> float | None:
        """Seconds from the command line to a worker that consumes; None where nobody saw it."""

    @property
    def alive(self) -> bool:
        """Whether it runs, as far as can be told."""

    def how_it_ended(self) -> str:
        """Say in a few words why it is not alive."""


class StartedWorker:
    """A worker that was started for the race, as a child of ours."""

    def __init__(self, worker: RunningWorker) -> None:
        self.child = worker.child
        [self.queue] = worker.spec.queues
        self.node = worker.spec.node
        self.pid: int | None = worker.child.pid
        self.start_up_s: float | None = worker.start_up_s

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.child.alive

    def how_it_ended(self) -> str:
        """Say how the process ended, such as "killed by SIGKILL"."""
        return self.child.how_it_ended()
