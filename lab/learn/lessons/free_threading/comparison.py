"""What one interpreter's workers did with the GIL and without it, and their figures; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from lab.learn.engine.trials import Trial, Trials

#: Share of their time that threads may wait for a core before a makespan says more about other
#: programs than about the threads.
SHORT_OF_CORES: Final = 0.15
#: Appended to the name of a variant whose tasks compute with an object that all threads share.
SHARED: Final = ", shared"


@dataclass(frozen=True, slots=True, kw_only=True)
class CountDown:
    """How counting down together ended."""

    lost: int  # updates, of the last round
    of: int
    rounds: int  # until an update was lost, or until enough were tried
    makespan_s: float  # of the last round


@dataclass(frozen=True, slots=True, kw_only=True)
class GilComparison:
    """All that the lesson has measured; a variant is a worker with or without the GIL."""

    cores: int
    tasks: int  # of each trial
    on: str  # the variant with threads and the GIL
    off: str  # the variant with threads and no GIL
    processes: str  # the variant with prefork and the GIL
    trials: Mapping[str, Trials]  # by variant
    bare: Mapping[str, CountDown]  # without a mutex, by variant with threads
    guarded: Mapping[str, CountDown]  # with a mutex

    def gil_states(self, variant: str) -> list[bool]:
        """Return for each task whether the GIL was on."""
        return [value["gil"] for trial in self.trials[variant].trials for value in trial.values]

    def share(self, variant: str, state: str) -> float | None:
        """Return the share of the tasks' time in a state: "asleep_s" or "queued_s".

        None if the kernel did not report how long each thread waited for a core.
        """
        return _share(self.trials[variant].trials, state)

    def cpu_s(self, variant: str) -> float:
        """Return the CPU seconds of all tasks together."""
        return median(trial.cpu_s for trial in self.trials[variant].trials)

    @property
    def undisturbed(self) -> list[Trial]:
        """The trials without the GIL whose threads had the cores, selected by that alone."""
        trials = self.trials[self.off].trials
        shares = [_share([one], "queued_s") for one in trials]
        return [
            one
            for one, share in zip(trials, shares, strict=True)
            if share is not None and share <= SHORT_OF_CORES
        ]

    @property
    def best_s(self) -> float:
        """The shortest makespan of the undisturbed trials; at least one is needed."""
        return min(trial.makespan_s for trial in self.undisturbed)

    def speed_up(self, variant: str) -> float:
        """Return how many times as fast that was as the fastest trial of another variant."""
        return min(self.trials[variant].makespans_s) / self.best_s


def _share(trials: Sequence[Trial], state: str) -> float | None:
    values = [value for trial in trials for value in trial.values]
    if any(value["queued_s"] is None for value in values):
        return None  # what they waited for a core is then part of "asleep_s"
    total_s = sum(v["cpu_s"] + v["asleep_s"] + v["queued_s"] for v in values)
    return float(max(0.0, sum(value[state] for value in values) / total_s))
