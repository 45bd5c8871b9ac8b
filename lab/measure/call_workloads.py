"""Workloads that are calls of the user's own project: how many, and in which order. Pure."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import cycle, islice
from math import floor, log10
from typing import Final

from lab.measure.traits import Traits
from lab.results.advice import Profile
from producer.plan import VariedPlan, Work
from worker.pools import Nature, Pool

#: The name of the workload that has the calls of all tasks.
MIX: Final = "mix"
#: Seconds that a repeat should take on the slowest pool; the second is for a quick race.
REPEAT_S, QUICK_S = 15.0, 4.0
#: The most tasks of a repeat.
MOST_TASKS: Final = 2_000
#: A task that computes for more or less than these shares of its time is of one kind only. Celery's
#: own CPU time is part of the second.
COMPUTES, WAITS = 0.8, 0.2
_KINDS: Final[Mapping[Nature, str]] = {
    "cpu": "mostly computes",
    "io": "mostly waits",
    "mixed": "computes and waits",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """A workload of calls, each as often as the others."""

    kind: Traits
    count: int
    calls: tuple[Work, ...]
    seed: int

    @property
    def name(self) -> str:
        """The name of the task, or "mix"."""
        return self.kind.name

    @property
    def task(self) -> str:
        """The names of the tasks."""
        return ", ".join(sorted({call.task for call in self.calls}))

    @property
    def tasks(self) -> str:
        """How many tasks there are: "200 tasks with 3 sets of arguments"."""
        if self.count == 1:
            return "1 task"
        distinct = min(self.count, len(self.calls))
        arguments = "the same arguments" if distinct == 1 else f"{distinct:,} sets of arguments"
        return f"{self.count:,} tasks with {arguments}"

    @property
    def label(self) -> str:
        """The same; the title has the name."""
        return self.tasks if self.name != MIX else f"{self.task}: {self.tasks}"

    @property
    def digest(self) -> str:
        """The start of a hash of the calls: enough to see that they differ, and no more."""
        calls = sorted(
            json.dumps([one.task, one.args, one.kwargs], sort_keys=True, default=str)
            for one in self.calls
        )
        return sha256("\n".join(calls).encode()).hexdigest()[:8]

    def plan(self) -> VariedPlan:
        """Return the tasks of one repeat, the same in the same order for every pool."""
        return VariedPlan(works=self._in_turn(self.count))

    def warm_up_plan(self, slots: int) -> VariedPlan:
        """Return a task for each slot: the project has no smaller ones."""
        return VariedPlan(works=self._in_turn(slots))

    def _in_turn(self, count: int) -> tuple[Work, ...]:
        chance = random.Random(self.seed)  # noqa: S311 - no secret
        works = list(islice(cycle(chance.sample(self.calls, len(self.calls))), count))
        chance.shuffle(works)
        return tuple(works)


def groups(calls: Sequence[Work]) -> dict[str, tuple[Work, ...]]:
    """Return the calls by workload: one for each task, named after it, and the mix of several."""
    names = sorted({call.task for call in calls})
    found = {name: tuple(call for call in calls if call.task == name) for name in names}
    return found if len(names) == 1 else {**found, MIX: tuple(calls)}


def traits(name: str, profile: Profile) -> Traits:
    """Return what is known of a workload from single runs of its tasks."""
    share = profile.cpu_share
    nature: Nature = "cpu" if share > COMPUTES else "io" if share < WAITS else "mixed"
    return Traits(name=name, title=f"{name}, {_KINDS[nature]}", nature=nature, releases_gil=None)


def fitting_count(profile: Profile, slots: Mapping[Pool, int], cores: int, longest_s: float) -> int:
    """Return how many tasks the slowest pool is expected to end in `longest_s` seconds.

    It is rounded to 1, 2 or 5 times a power of ten, so that races of the same calls can be compared
    although no two profiles are equal.
    """
    rates = [
        min(
            concurrency / max(profile.run_s, 1e-4),
            (cores if pool.parallel_python else 1) / max(profile.cpu_s, 1e-4),
        )
        for pool, concurrency in slots.items()
    ]
    wanted = max(min(rates) * longest_s, min(slots.values()))
    return _rounded(min(wanted, MOST_TASKS))


def _rounded(number: float) -> int:
    """Round down to 1, 2 or 5 times a power of ten."""
    power = 10 ** floor(log10(max(1.0, number)))
    return int(max(step * power for step in (1, 2, 5) if step * power <= max(1.0, number)))
