"""What a session needs of its workers, started or borrowed: protocols only."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Protocol

from worker.pools import Pool

#: A pool's name, its concurrency and its transport.
Key = tuple[str, int, str]
#: Called with how many of how many workers are ready.
OnReady = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolConfig:
    """A pool at a given concurrency: what one worker of a session runs."""

    pool: Pool
    concurrency: int
    transport: str = ""  # how the worker talks to Redis; empty: as the environment says

    @property
    def key(self) -> Key:
        """Identifies the worker; workloads with the same needs share it."""
        return (self.pool.name, self.concurrency, self.transport)


class Worker(Protocol):
    """One worker of a session."""

    @property
    def node(self) -> str:
        """Its name in Celery and Flower."""

    @property
    def queue(self) -> str:
        """The queue that it alone consumes."""

    @property
    def pid(self) -> int | None:
        """Its main process; None if that runs on another machine or in another container."""

    @property
    def same_machine(self) -> bool:
        """Whether it runs on this machine, perhaps in another container."""

    @property
    def start_up_s(self) -> float | None:
        """Seconds from the command line until it consumed; None if it ran before the session."""

    @property
    def alive(self) -> bool:
        """Whether it still runs."""

    def how_it_ended(self) -> str:
        """Say in a few words why it is not alive."""


class Workers(Protocol):
    """The workers of a session, one for each pool configuration."""

    def prepare(self, configs: Iterable[PoolConfig], progress: OnReady) -> None:
        """Have a worker ready for each of `configs`, and as few others as possible.

        Raises WorkerError for the first that cannot be made ready.
        """

    def __getitem__(self, config: PoolConfig) -> Worker:
        """Return the worker that runs `config`, alive or dead."""

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues that were made for these workers."""

    def replace_dead(self, config: PoolConfig) -> bool:
        """Replace the worker of `config` if it has died and a replacement is possible.

        Returns whether it was replaced; the new one has not run anything yet.
        """

    def clear(self, config: PoolConfig, tasks: Collection[str]) -> None:
        """Have none of these tasks, given by id, run any more, which the worker of `config` holds.

        The worker may be dead afterwards. One that was running before the session gets time to end
        them, but only so much.
        """

    def close(self) -> None:
        """Leave the workers as they were before the session."""
