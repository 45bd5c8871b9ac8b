"""Who else takes part in a race: one is told of it, the other provides the workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from lab.measure.repeat import Progress
from lab.measure.workloads import Workload
from lab.results.race import RaceResult, Repeat
from lab.session.protocols import Worker
from lab.session.started import PoolConfig


class RaceEvents(Protocol):
    """Told of a race as it goes."""

    def prepared(self, result: RaceResult) -> None:
        """Everything is known but the outcome."""

    def starting(self, ready: int, of: int) -> None:
        """`ready` of the workers consume."""

    def workload(self, workload: Workload, configs: Sequence[PoolConfig], repeats: int) -> None:
        """A workload begins."""

    def running(self, config: PoolConfig, number: int, progress: Progress) -> None:
        """A repeat is under way; `number` counts from 1."""

    def measured(self, config: PoolConfig, number: int, repeat: Repeat) -> None:
        """A repeat has ended."""


class Workers(Protocol):
    """The workers of a race, whoever started them."""

    def prepare(self, configs: Iterable[PoolConfig], progress: Callable[[int, int], None]) -> None:
        """Have a worker ready for each of `entries`, with as few others about as can be.

        `progress` is told how many of how many are ready.
        """

    def __getitem__(self, config: PoolConfig) -> Worker:
        """Return the worker of `entry`, alive or dead."""

    @property
    def queues(self) -> list[str]:
        """The queues that were made for the race."""

    def replace_dead(self, config: PoolConfig) -> None:
        """See to it that `entry` has a living worker, if that can be."""

    def close(self) -> None:
        """Leave the workers as they were."""
