"""Do tasks fail more often here than there, beyond chance? Pure statistics of counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import comb
from typing import Final

from lab.results.advice import CandidateResult, Profile, Trial

#: A difference that is less likely than this is no accident. Many candidates are compared, and a
#: wrong verdict rules out a good one.
RARE: Final = 0.001
#: A share of failures that is higher by less than this does not matter.
MORE: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many tasks ran, and how many of them failed."""

    runs: int
    failed: int

    @property
    def share(self) -> float:
        """The share that failed, 0 to 1."""
        return self.failed / self.runs if self.runs else 0.0

    @classmethod
    def of(cls, trials: Sequence[Trial]) -> Tally:
        """Return the tally of some trials."""
        failed = sum(trial.failed for trial in trials)
        runs = round(sum(trial.rate_per_s * trial.seconds for trial in trials))
        return cls(runs=max(runs, failed), failed=failed)

    @classmethod
    def alone(cls, profile: Profile) -> Tally:
        """Return the tally of the single runs."""
        return cls(runs=profile.runs, failed=profile.failed)

    def __add__(self, other: Tally) -> Tally:
        return Tally(runs=self.runs + other.runs, failed=self.failed + other.failed)


def fails_more(here: Tally, there: Tally) -> bool:
    """Return whether tasks fail more often `here` than `there`, beyond chance."""
    return here.share > there.share + MORE and chance(here, there) < RARE


def chance(here: Tally, there: Tally) -> float:
    """Return how likely it is that so many failures or more are `here` by chance.

    Source: Fisher's exact test, one-sided.
    """
    runs, failed = here.runs + there.runs, here.failed + there.failed
    most = min(failed, here.runs)
    ways = sum(
        comb(here.runs, here_failed) * comb(there.runs, failed - here_failed)
        for here_failed in range(here.failed, most + 1)
    )
    return ways / comb(runs, failed) if runs else 1.0


def why_rejected(trials: Sequence[Trial], others: Iterable[Sequence[Trial]], alone: Tally) -> str:
    """Say that tasks fail more often in these trials than elsewhere; empty if they do not.

    They are compared with the candidate whose tasks fail least often, and with single runs.
    """
    here = Tally.of(trials)
    tallies = [Tally.of(other) for other in others if other]
    there = min(tallies, key=lambda one: (one.share, -one.runs), default=Tally(runs=0, failed=0))
    there += alone
    if not fails_more(here, there):
        return ""
    return f"{here.share:.0%} of its tasks fail, {there.share:.0%} elsewhere"


def without_failing(
    results: Sequence[CandidateResult], alone: Tally
) -> tuple[CandidateResult, ...]:
    """Reject the candidates whose tasks fail more often than elsewhere."""
    checked = []
    for result in results:
        others = [one.trials for one in results if one is not result]
        why = result.rejected or why_rejected(result.trials, others, alone)
        checked.append(replace(result, rejected=why))
    return tuple(checked)
