"""What is asked of a run of lessons, checked before anything starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.learn.engine.lesson import Lesson
from lab.session.interpreter import Interpreter, without_gil
from lab.session.started import require_module
from producer.broker import EMBEDDED
from tasks.errors import UsageError
from worker.pools import POOLS


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnOptions:
    """Which lessons to run, and how."""

    lessons: Sequence[Lesson]
    pools: tuple[str, ...]  # those to show; empty: all that the lesson has
    dials: Mapping[str, float]  # those that were turned
    broker_url: str | None  # None: an embedded one
    broker_advice: str = EMBEDDED  # what to do if it does not answer
    on_running: bool  # use the workers that run at the broker
    python: Path | None
    program: str = "poolwise"  # as the user types it
    command_line: str  # the options that repeat this run, each after a space, without a password

    def pools_of(self, lesson: Lesson) -> list[str]:
        """Return the pools that `lesson` shows in this run, in its order."""
        return [pool for pool in lesson.workers if not self.pools or pool in self.pools]

    def borrows(self, lesson: Lesson) -> bool:
        """Whether `lesson` runs on workers that already run."""
        return self.on_running and not lesson.started_here

    def dials_of(self, lesson: Lesson) -> dict[str, float]:
        """Return the value of each of the lesson's dials."""
        return {dial.name: self.dials.get(dial.name, dial.default) for dial in lesson.dials}


def check_all(options: LearnOptions) -> Interpreter | None:
    """Raise UsageError if one of the lessons cannot run as asked for, or not on this machine.

    Returns the Python without the GIL, if one was named and a lesson uses it.
    """
    for lesson in options.lessons:
        check(lesson, options.pools)
        if not options.borrows(lesson):
            _check_modules(lesson, options.pools_of(lesson))
    if options.python is None or not any(lesson.another_python for lesson in options.lessons):
        return None
    return without_gil(options.python)


def check(lesson: Lesson, pools: Sequence[str]) -> None:
    """Raise UsageError if `lesson` cannot be shown on `pools` alone."""
    if pools and not lesson.workers:
        raise UsageError(f"{lesson.name} chooses its own workers: leave out --pools")
    strange = [pool for pool in pools if pool not in lesson.workers]
    if strange:
        raise UsageError(
            f"{lesson.name} does not use {strange[0]}; choose from {_list(lesson.workers)}"
        )
    missing = sorted(lesson.needs - set(pools)) if pools else []
    if missing:
        raise UsageError(
            f"{lesson.name} needs {_list(missing)}: add it to --pools, or leave --pools out"
        )


def _check_modules(lesson: Lesson, pools: Sequence[str]) -> None:
    for name in pools:
        others = ",".join(other for other in pools if other != name)
        otherwise = f", or show only {others} with --pools" if others else ""
        require_module(POOLS[name], "" if name in lesson.needs else otherwise)


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)
