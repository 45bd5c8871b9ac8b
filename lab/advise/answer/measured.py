"""What was measured of a candidate, for comparisons: pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

import numpy as np

from lab.project.candidates import Candidate
from lab.results.advice import CandidateResult, Trial
from worker.pools import POOLS

#: The pools, the one that Celery takes by default first.
ORDER: Final = tuple(POOLS)


class Deployable(Protocol):
    """What can be deployed: a candidate, or several groups of workers."""

    @property
    def label(self) -> str:
        """Name it as a person does."""

    @property
    def workers(self) -> int:
        """How many workers it has."""

    @property
    def slots(self) -> int:
        """How many tasks run at the same time."""


T_co = TypeVar("T_co", bound=Deployable, covariant=True)
T = TypeVar("T", bound=Deployable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured(Generic[T_co]):
    """Something that can be recommended, with its score in each trial.

    The score is its throughput, or that per unit of cost.
    """

    candidate: T_co
    scores: tuple[float, ...]
    rates: tuple[float, ...]  # throughput
    pss_bytes: int
    priced: bool = False  # whether the score is per unit of cost
    pool: str = ""  # empty: several

    @property
    def rate_per_s(self) -> float:
        """The median throughput."""
        return float(np.median(self.rates))

    @property
    def score(self) -> float:
        """The median score."""
        return float(np.median(self.scores))

    @property
    def basis(self) -> str:
        """What the scores compare, beyond throughput."""
        return " for the same cost" if self.priced else ""

    @property
    def effort(self) -> tuple[int, int, int]:
        """How much there is to run: workers, then slots, then whether its pool is the default."""
        rank = ORDER.index(self.pool) if self.pool else len(ORDER)
        return self.candidate.workers, self.candidate.slots, rank


def measured(candidate: T, trials: Sequence[Trial], pool: str = "") -> Measured[T]:
    """Return the figures of one or more trials."""
    return Measured(
        candidate=candidate,
        scores=tuple(trial.score for trial in trials),
        rates=tuple(trial.rate_per_s for trial in trials),
        priced=any(trial.rate_per_cost is not None for trial in trials),
        pss_bytes=max(trial.peak_pss_bytes for trial in trials),
        pool=pool,
    )


def of_result(result: CandidateResult) -> Measured[Candidate]:
    """Return the figures of a result that has a trial."""
    candidate = Candidate(
        pool=POOLS[result.pool],
        concurrency=result.concurrency,
        workers=result.workers,
        flags=result.flags,
    )
    return measured(candidate, result.trials, result.pool)


def often_enough(found: Sequence[Measured[T]]) -> list[Measured[T]]:
    """Leave out what was measured less often than half of the others' most.

    A machine that was quieter for a moment must not decide.
    """
    most = max((len(one.rates) for one in found), default=0)
    return [one for one in found if 2 * len(one.rates) >= most]


def ranked(results: Sequence[CandidateResult]) -> list[Measured[Candidate]]:
    """Return the candidates that can be recommended, by score, the highest first.

    What the user runs today can be only if it is a candidate of the search too: without flags.
    """
    usable = (one for one in results if one.trials and not one.rejected and not one.flags)
    return by_score(map(of_result, usable))


def by_score(found: Iterable[Measured[T]]) -> list[Measured[T]]:
    """Return those that have a throughput, the highest score first."""
    return sorted((one for one in found if one.score > 0), key=lambda one: -one.score)
