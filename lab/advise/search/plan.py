"""Estimates how often a search runs the task, from its single runs: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lab.advise.search.budget import Budget
from lab.advise.search.search import TrialLength
from lab.format import words
from lab.project.candidates import Family, Room
from lab.results.advice import Profile

#: Seconds that it takes to start and stop the workers of a trial, on average.
START_UP_S: Final = 2.0
#: The fastest task that an estimate assumes, in seconds; a worker needs more for any task.
FASTEST_S: Final = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What a search is expected to do."""

    trials: int
    length: TrialLength
    left_s: float  # the time for it
    fewest: int  # runs of the task, if the slowest pool gets all trials
    most: int  # runs of the task, if the best pool runs all the time

    def line(self) -> str:
        """Describe the plan in a sentence."""
        short, long = words.duration(self.length.short_s), words.duration(self.length.long_s)
        trials = "1 trial" if self.trials == 1 else f"{self.trials} trials"
        return (
            f"plan: at most about {trials} of {short} to {long} within "
            f"{words.duration(self.left_s)}: about {self.fewest:,} to {self.most:,} runs"
        )


def planned(
    profile: Profile,
    families: Sequence[Family],
    room: Room,
    budget: Budget,
    length: TrialLength | None = None,
) -> Planned:
    """Estimate a search in what is left of the budget; `length` is that of its trials."""
    length, left_s = length or TrialLength.of(profile.run_s, budget.seconds), budget.left_s()
    trials = max(1, int(left_s / (START_UP_S + (length.short_s + length.long_s) / 2)))
    first = [_rate(profile, family.first * family.workers, room) for family in families]
    last = [_rate(profile, family.most * family.workers, room) for family in families]
    fewest = trials * length.short_s * min(first, default=0.0)
    most = left_s * max(last, default=0.0)
    return Planned(
        trials=trials,
        length=length,
        left_s=left_s,
        fewest=_rounded(fewest),
        most=_rounded(max(fewest, most)),
    )


def _rate(profile: Profile, slots: int, room: Room) -> float:
    """Return the throughput that the slots allow, and the cores."""
    by_slots = slots / max(profile.run_s, FASTEST_S)
    return min(by_slots, room.cores / max(profile.cpu_s, FASTEST_S))


def _rounded(runs: float) -> int:
    """Round to two digits: it is an estimate."""
    return int(float(f"{max(1.0, runs):.2g}"))
