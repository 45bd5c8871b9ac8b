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


def steady(work: Work, rate_per_s: float, count: int) -> Plan:
    """Plan `count` tasks, `rate_per_s` in each second, the first of them at the start.

    Open loop: when a task is due does not depend on what became of those before it.
    """
    return Plan(work=work, due_s=tuple(due_s(number, rate_per_s) for number in range(count)))


def due_s(number: int, rate_per_s: float) -> float:
    """Return when task `number`, counted from 0, of a steady load is due: seconds since its start.

    Each is computed from the start, so that no rounding adds up however long the load goes on.
    """
    return number / rate_per_s


def due_by(elapsed_s: float, rate_per_s: float) -> int:
    """Count the tasks of a steady load that are due once `elapsed_s` seconds have passed."""
    return int(elapsed_s * rate_per_s) + 1 if elapsed_s >= 0 else 0
