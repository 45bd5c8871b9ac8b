"""When each task is due: pure functions of the load, which know neither clock nor broker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One task to run, as Celery calls it; the tasks of one load are all alike."""

    task: str  # the registered name, such as "cpu.burn"
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Which work, and the instants at which its tasks are due."""

    work: Work
    due_s: tuple[float, ...]  # seconds since the run's start, ascending, one per task

    def __len__(self) -> int:
        return len(self.due_s)


def burst(work: Work, count: int) -> Plan:
    """Plan `count` tasks that are all due at once, at the start."""
    return Plan(work=work, due_s=(0.0,) * count)
