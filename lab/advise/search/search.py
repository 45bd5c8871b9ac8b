"""Searches the candidates within a time budget: short trials first, the best ones again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from lab.advise.search.budget import Budget
from lab.advise.search.climb import Climb
from lab.advise.search.finals import take_turns
from lab.advise.search.ladder import NEAR
from lab.advise.search.limits import Limits
from lab.advise.trial.bench import Bench
from lab.project.candidates import Candidate, Family, Room
from lab.project.workers import Group
from lab.results.advice import Profile

#: The most families in the finals.
FINALISTS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialLength:
    """How long trials take, in seconds: short ones first, longer ones in the finals."""

    short_s: float
    long_s: float

    @classmethod
    def of(cls, run_s: float, budget_s: float, least_s: float = 1.0) -> TrialLength:
        """Return the lengths that suit tasks of `run_s` seconds, from `least_s` on."""
        return cls(
            short_s=min(max(least_s, 3 * run_s), budget_s / 12),
            long_s=min(max(2 * least_s, 6 * run_s), budget_s / 8),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """What bounds a search."""

    room: Room
    slo_s: float | None = None
    seed: int = 0
    deployed: Candidate | None = None  # what the user runs today: measured with the finalists
    length: TrialLength | None = None  # of the trials; None: as the task's run time suggests


class Search:
    """One search; it calls `is_safe` before each new candidate, and `on_trial` after each trial."""

    def __init__(
        self,
        bench: Bench[Candidate, Group],
        profile: Profile,
        budget: Budget,
        options: SearchOptions,
        on_trial: Callable[[Candidate, float], None] = lambda _candidate, _rate: None,
        is_safe: Callable[[Candidate], bool] = lambda _candidate: True,
    ) -> None:
        self._bench = bench
        self._budget = budget
        self._options = options
        self._limits = Limits(profile=profile, room=options.room, slo_s=options.slo_s)
        self._length = options.length or TrialLength.of(profile.run_s, budget.seconds)
        self._on_trial = on_trial
        self._is_safe = is_safe
        self._climb = Climb(bench, profile, budget, options.room, self._try)

    def run(self, families: Sequence[Family]) -> None:
        """Explore the families, then measure the best candidates again."""
        self.explore(families)
        take_turns(
            self._with_neighbour,
            self._measure_finalist,
            self.rates,
            self._budget,
            also=self.deployed,
            seed=self._options.seed,
        )

    def explore(self, families: Sequence[Family]) -> None:
        """Find the best concurrency of each family."""
        self._climb.run(families)

    def _try(self, candidate: Candidate) -> float | None:
        if not self._passes_the_check(candidate):
            return None
        score = self._trial(candidate, self._length.short_s)
        return score if self._keeps_limits(candidate) else 0.0

    def _passes_the_check(self, candidate: Candidate) -> bool:
        """Return whether the task is safe in this pool; reject the candidate otherwise."""
        if not self._is_safe(candidate):
            self._bench.reject(candidate, "unsafe: see the warning")
        return not self._bench.is_rejected(candidate)

    def measure_again(self, candidate: Candidate) -> None:
        """Measure a finalist, and judge its concurrency again: another may take its place."""
        self._trial(candidate, self._length.long_s)
        self._keeps_limits(candidate)
        self._climb.correct(candidate, self.rate(candidate) if self._is_usable(candidate) else 0.0)

    def _measure_finalist(self, candidate: Candidate) -> None:
        self.measure_again(candidate)
        self._climb.resume()

    def finalists(self) -> list[Candidate]:
        """Return the candidates that may be the best, one of each family."""
        ranked = list(self.ranked())
        best = self.rate(ranked[0]) if ranked else 0.0
        near = [one for one in ranked[:FINALISTS] if self.rate(one) * NEAR >= best]
        return near or ranked[:1]

    def _with_neighbour(self) -> list[Candidate]:
        """Return the finalists, then the concurrency next to that of the first, if it is near."""
        chosen = self.finalists()
        other = self._climb.neighbour_of(chosen[0]) if chosen else None
        return [*chosen, other] if other is not None and self._is_usable(other) else chosen

    def deployed(self, finalists: Sequence[Candidate]) -> list[Candidate]:
        """Return what the user runs today, if it is not one of the finalists but can be used."""
        deployed = self._options.deployed
        if deployed is None or deployed in finalists or not self._passes_the_check(deployed):
            return []
        return [deployed]

    def ranked(self) -> Iterator[Candidate]:
        """Yield the usable candidates, the best of each family first by throughput."""
        best = filter(self._is_usable, self._climb.best_of_each())
        yield from sorted(best, key=self.rate, reverse=True)

    def rate(self, candidate: Candidate) -> float:
        """Return the median score of a candidate, 0 without a trial."""
        rates = self.rates(candidate)
        return float(np.median(rates)) if rates else 0.0

    def rates(self, candidate: Candidate) -> list[float]:
        """Return the score in each trial of a candidate."""
        return [trial.score for trial in self._bench.trials(candidate)]

    def _is_usable(self, candidate: Candidate) -> bool:
        return not self._bench.is_rejected(candidate) and self.rate(candidate) > 0

    def _keeps_limits(self, candidate: Candidate) -> bool:
        return self._limits.keeps(self._bench, candidate, list(self._climb.tried()))

    def _trial(self, candidate: Candidate, seconds: float) -> float:
        score = self._budget.timed(lambda: self._bench.trial(candidate, seconds))
        self._on_trial(candidate, self._bench.trials(candidate)[-1].rate_per_s if score else 0.0)
        return score
