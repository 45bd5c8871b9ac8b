"""Groups the tasks of a mix by what they do, and adds up what single runs show: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lab.advise.task_mix import Mix
from lab.project.first_tries import FirstTries
from lab.results.advice import Profile
from producer.plan import Work

#: A task that computes for at least this share of its time counts as computing.
COMPUTES: Final = 0.5
#: The largest share of the run time that counts as having had no core.
NO_CORE: Final = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedTask:
    """A task of a mix, with its single runs."""

    name: str
    weight: int
    calls: tuple[Work, ...]  # those that were tried
    tried: FirstTries

    @property
    def computes(self) -> bool:
        """Whether it computes most of the time; otherwise it waits.

        Time in which other programs left it no core does not count, up to a limit: some of it
        belongs to the worker and not to the task.
        """
        profile = self.tried.profile
        no_core_s = min(max(0.0, profile.ready_s - profile.cpu_s), NO_CORE * profile.run_s)
        return profile.cpu_s >= COMPUTES * (profile.run_s - no_core_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some tasks of a mix, or all of them."""

    mix: Mix
    calls: tuple[Work, ...]  # those that were tried, one of each task first
    tried: FirstTries  # of all its tasks together; results by the number in `calls`
    slowest_s: float  # the run time of its slowest task

    @classmethod
    def of(cls, mix: Mix, tasks: Sequence[TriedTask]) -> Part:
        """Return the part of `mix` that has these tasks."""
        tried = [(at, number) for at, task in enumerate(tasks) for number in range(len(task.calls))]
        tried.sort(key=lambda pair: pair[1])  # one of each task first
        results = {
            place: tasks[at].tried.results[number]
            for place, (at, number) in enumerate(tried)
            if number in tasks[at].tried.results
        }
        return cls(
            mix=mix.part({task.name for task in tasks}),
            calls=tuple(tasks[at].calls[number] for at, number in tried),
            tried=FirstTries(profile=together(tasks), results=results),
            slowest_s=max(task.tried.profile.run_s for task in tasks),
        )


def together(tasks: Sequence[TriedTask]) -> Profile:
    """Return the profile of the average task of a mix, with the memory of the largest."""
    profiles = [task.tried.profile for task in tasks]
    size = sum(task.weight for task in tasks)

    def mean(values: Sequence[float]) -> float:
        pairs = zip(values, tasks, strict=True)
        return sum(value * task.weight for value, task in pairs) / size

    return Profile(
        runs=sum(one.runs for one in profiles),
        failed=sum(one.failed for one in profiles),
        run_s=mean([one.run_s for one in profiles]),
        fastest_s=min(one.fastest_s for one in profiles),
        slowest_s=max(one.slowest_s for one in profiles),
        cpu_s=mean([one.cpu_s for one in profiles]),
        worker_bytes=max(one.worker_bytes for one in profiles),
        process_bytes=max(
            (one.process_bytes for one in profiles if one.process_bytes is not None), default=None
        ),
        slot_bytes=max(one.slot_bytes for one in profiles),
        sends=mean([one.sends for one in profiles]),
        ready_s=mean([one.ready_s for one in profiles]),
    )


def why_no_split(tasks: Sequence[TriedTask]) -> str:
    """Say why two groups make no sense; empty if they do."""
    kinds = {task.computes for task in tasks}
    if len(kinds) == 2:
        return ""
    return "all tasks compute" if kinds == {True} else "all tasks wait most of the time"
