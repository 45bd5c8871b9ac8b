"""Plans when each task of a load is due, without a clock or a broker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A task with its arguments and options; all tasks of a plan are identical.

    A countdown, or an expiry in seconds, counts from the moment at which each task is sent.
    """

    task: str  # the registered name, such as "cpu.burn"
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    countdown_s: float | None = None
    eta: datetime | None = None  # not together with a countdown
    expires: float | datetime | None = None  # in so many seconds, or at that time
    priority: int | None = None
    headers: Mapping[str, Any] = field(default_factory=dict)  # headers of the project's own


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The work, with the time at which each of its tasks is due."""

    work: Work
    due_s: tuple[float, ...]  # seconds since the run's start, ascending, one per task

    def __len__(self) -> int:
        return len(self.due_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class VariedPlan:
    """Tasks that may differ, all due at the start, in the order in which they are sent."""

    works: tuple[Work, ...]

    def __len__(self) -> int:
        return len(self.works)


def burst(work: Work, count: int) -> Plan:
    """Plan `count` tasks that are all due at the start."""
    return Plan(work=work, due_s=(0.0,) * count)


def steady(work: Work, rate_per_s: float, count: int) -> Plan:
    """Plan `count` tasks at `rate_per_s`, the first of them at the start.

    Open loop: when a task is due does not depend on what happened to earlier tasks.
    """
    return Plan(work=work, due_s=tuple(due_s(number, rate_per_s) for number in range(count)))


def due_s(number: int, rate_per_s: float) -> float:
    """Return when task `number` (from 0) of a steady load is due, in seconds since its start.

    Each time is computed from the start, so that rounding errors never add up.
    """
    return number / rate_per_s


def due_by(elapsed_s: float, rate_per_s: float) -> int:
    """Return how many tasks of a steady load are due after `elapsed_s` seconds."""
    return int(elapsed_s * rate_per_s) + 1 if elapsed_s >= 0 else 0
