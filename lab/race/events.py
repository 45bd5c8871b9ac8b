"""What a race reports while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from lab.measure.repeat import Progress
from lab.measure.traits import Workload
from lab.results.race import RaceResult, Repeat
from lab.session.protocols import PoolConfig


class RaceEvents(Protocol):
    """Receives the events of a race."""

    def prepared(self, result: RaceResult) -> None:
        """Called when everything except the outcome is known."""

    def note(self, text: str) -> None:
        """Called with something else that the user should know."""

    def starting(self, ready: int, of: int) -> None:
        """Called when `ready` of `of` workers are consuming."""

    def workload(self, workload: Workload, configs: Sequence[PoolConfig], repeats: int) -> None:
        """Called when a workload begins."""

    def running(self, config: PoolConfig, number: int, progress: Progress) -> None:
        """Called while a repeat runs; `number` counts from 1."""

    def measured(self, config: PoolConfig, number: int, repeat: Repeat) -> None:
        """Called when a repeat has ended."""
