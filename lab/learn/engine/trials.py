"""Trials of several worker set-ups on the same work, interleaved and repeated.

It must not know what the work is, nor what a lesson concludes from the figures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from cluster import footprint
from lab.learn.engine.context import Context
from lab.learn.engine.scene_run import Call
from lab.session.protocols import Worker
from producer.statistics import compare

#: Trials of each: the fewest whose median ignores one that was disturbed.
REPEATS: Final = 3
_SEED: Final = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The cost of doing the work once."""

    makespan_s: float
    cpu_s: float  # of all processes of the workers involved
    #: Seconds in which their threads ran or were ready to run; None if this system does not say.
    runnable_s: float | None
    values: tuple[Any, ...] = ()  # what the tasks returned, if that was stored

    @property
    def cores_busy(self) -> float:
        """How many cores were busy, averaged over the makespan."""
        return self.cpu_s / self.makespan_s

    @property
    def cores_wanted(self) -> float:
        """How many cores could have been busy, whatever else ran on the machine."""
        return (self.runnable_s or 0.0) / self.makespan_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """The trials of one set-up; its figures are their medians."""

    trials: tuple[Trial, ...]

    @property
    def makespans_s(self) -> list[float]:
        """The makespan of each trial, in order."""
        return [trial.makespan_s for trial in self.trials]

    @property
    def makespan_s(self) -> float:
        """Seconds from the first submission to the last end."""
        return median(self.makespans_s)

    @property
    def cores_busy(self) -> float:
        """How many cores were busy."""
        return median(trial.cores_busy for trial in self.trials)

    @property
    def cores_wanted(self) -> float | None:
        """How many cores could have been busy; None if unknown."""
        if any(trial.runnable_s is None for trial in self.trials):
            return None
        return median(trial.cores_wanted for trial in self.trials)


def run_trials(
    context: Context,
    title: str,
    setups: Mapping[str, Callable[[], Sequence[Call]]],
    *,
    results: bool = False,
) -> dict[str, Trials]:
    """Run the calls of each set-up in turn, and repeat the whole round `REPEATS` times.

    Raises PoolwiseError if one does not end.
    """
    trials: dict[str, list[Trial]] = {name: [] for name in setups}
    for _ in range(REPEATS):
        for name, calls in setups.items():
            trials[name].append(_trial(context, f"{title}: {name}", calls(), results=results))
    return {name: Trials(trials=tuple(own)) for name, own in trials.items()}


def _trial(context: Context, title: str, calls: Sequence[Call], *, results: bool) -> Trial:
    workers = list({call.worker.node: call.worker for call in calls}.values())
    cpu_s, runnable_s = _cpu_s(workers), _runnable_s(workers)
    ran = context.run_scene(title, calls, results=results)
    ended_s = _runnable_s(workers)
    return Trial(
        makespan_s=ran.makespan_s,
        cpu_s=_cpu_s(workers) - cpu_s,
        runnable_s=None if runnable_s is None or ended_s is None else ended_s - runnable_s,
        values=tuple(ran.values) if results else (),
    )


def _pids(workers: Sequence[Worker]) -> list[int]:
    return [worker.pid for worker in workers if worker.pid is not None]


def _cpu_s(workers: Sequence[Worker]) -> float:
    return sum(map(footprint.cpu_s, _pids(workers)))


def _runnable_s(workers: Sequence[Worker]) -> float | None:
    each = [footprint.runnable_s(pid) for pid in _pids(workers)]
    return None if None in each else sum(filter(None, each))


def pss_bytes(workers: Sequence[Worker]) -> int:
    """Return the memory of workers on this machine."""
    return sum(map(footprint.pss_bytes, _pids(workers)))


def fastest(tried: Mapping[str, Trials]) -> tuple[str, ...]:
    """Name the fastest set-up, and with it those whose difference is within noise."""
    best, *others = sorted(tried, key=lambda name: tried[name].makespan_s)
    tied = (
        name
        for name in others
        if not compare(tried[name].makespans_s, tried[best].makespans_s, seed=_SEED).real
    )
    return (best, *tied)
