"""All that the lesson `deadlock` observed, as its tables and claims read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lab.learn.lessons.deadlock.lock_run import LockRun, LockStrategy
from lab.learn.lessons.deadlock.subtask_run import SubtaskRuns


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotCheck:
    """How many slots of a worker still run tasks after the scenes."""

    pool: str
    slots: int
    working: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlockObservations:
    """All scenes of the lesson."""

    locks: Mapping[tuple[str, LockStrategy], LockRun]  # by place and strategy
    subtasks: SubtaskRuns
    slot_checks: tuple[SlotCheck, ...]
