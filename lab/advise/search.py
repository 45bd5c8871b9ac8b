"""Searches the candidates within a time budget: short trials first, the best ones again.

Each pool's concurrency grows while that brings more throughput. Pools that are far behind and do
not grow are dropped. The best candidates are then measured again in turn, longer, until one of them
is ahead beyond doubt or the time is up.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from lab.advise.bench import Bench
from lab.advise.budget import Budget
from lab.advise.candidates import (
    Candidate,
    Family,
    Ladder,
    Room,
    overall_best,
    side_by_side,
)
from lab.advise.failures import Tally, why_rejected
from lab.results.advice import Profile
from producer.statistics import compare

#: Share of the budget after which no new candidate is tried; the second one is for the best pool.
EXPLORE: Final = 0.6
EXPLORE_BEST: Final = 0.85
#: Candidates in the finals, and the fewest trials of each there.
FINALISTS, FEWEST = 3, 3
#: A family that is behind by this factor and does not grow is dropped.
BEHIND: Final = 2.0
#: Cores that one worker must use before several side by side are tried.
SATURATED: Final = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """What bounds a search."""

    room: Room
    slo_s: float | None = None
    seed: int = 0
    deployed: Candidate | None = None  # what the user runs today: measured with the finalists


class Search:
    """One search; it calls `is_safe` before each new candidate, and `on_trial` after each trial."""

    def __init__(
        self,
        bench: Bench,
        profile: Profile,
        budget: Budget,
        options: SearchOptions,
        on_trial: Callable[[Candidate, float], None] = lambda _candidate, _rate: None,
        is_safe: Callable[[Candidate], bool] = lambda _candidate: True,
    ) -> None:
        self._bench = bench
        self._profile = profile
        self._budget = budget
        self._options = options
        self._on_trial = on_trial
        self._is_safe = is_safe
        self._ladders: list[Ladder] = []

    def run(self, families: Sequence[Family]) -> None:
        """Explore the families, then measure the best candidates again."""
        self._ladders = [Ladder(family) for family in families]
        self._climb(self._ladders)
        more = [family for ladder in self._ladders if (family := self._side_by_side(ladder))]
        self._ladders += (added := [Ladder(family) for family in more])
        self._climb(added)
        self._finals()

    def _climb(self, ladders: Sequence[Ladder]) -> None:
        """Give each ladder a step in turn, as long as one of them has a promising step."""
        moving = list(ladders)
        while moving:
            for ladder in tuple(moving):
                concurrency = ladder.next()
                first = not ladder.rates
                if concurrency is None or not (first or self._is_promising(ladder)):
                    moving.remove(ladder)
                    continue
                # One trial is made even if there is no time for it.
                if not self._budget.has_room(self._until(ladder)) and self._has_rates():
                    moving.remove(ladder)
                    continue
                candidate = ladder.family.candidate(concurrency)
                if not self._passes_the_check(candidate):
                    moving.remove(ladder)
                    continue
                rate_per_s = self._trial(candidate, self._short_s())
                ladder.add(concurrency, rate_per_s if self._is_within_limits(candidate) else 0.0)

    def _passes_the_check(self, candidate: Candidate) -> bool:
        """Return whether the task is safe in this pool; reject the candidate otherwise."""
        if not self._is_safe(candidate):
            self._bench.reject(candidate, "unsafe: see the warning")
        return not self._bench.is_rejected(candidate)

    def _until(self, ladder: Ladder) -> float:
        """Return the share of the budget within which a ladder may take its next step.

        Each family gets its first trial as long as there is time at all. A better concurrency in
        the best family is worth more than measuring it again.
        """
        if not ladder.rates:
            return 1.0
        leads = max(ladder.rates.values()) >= overall_best(self._ladders)
        return EXPLORE_BEST if leads else EXPLORE

    def _has_rates(self) -> bool:
        return any(ladder.rates for ladder in self._ladders)

    def _is_promising(self, ladder: Ladder) -> bool:
        """Return whether a family may still win: it is near the best, or it still grows."""
        rates = [rate for _, rate in sorted(ladder.rates.items())]
        grows = len(rates) < 2 or rates[-1] > 1.3 * rates[-2]
        return grows or max(rates) * BEHIND > overall_best(self._ladders)

    def _side_by_side(self, ladder: Ladder) -> Family | None:
        """Return several workers side by side, if one of them has used about a whole core."""
        if not ladder.rates:
            return None
        best = ladder.best()
        trials = self._bench.trials(ladder.family.candidate(best))
        if not trials or max(trial.cores for trial in trials) < SATURATED:
            return None
        most = max(ladder.rates.values()) * self._options.room.cores
        if most < overall_best(self._ladders):
            return None
        return side_by_side(ladder.family, best, self._profile, self._options.room)

    def _finals(self) -> None:
        """Measure the best in turn, and drop the last one when it is clear that it is behind."""
        order = random.Random(self._options.seed)  # noqa: S311 - no secret
        for number in range(1, 1_000):
            finalists = self._finalists()
            if number > FEWEST and self._is_clear(finalists):
                return
            measured = finalists + self._deployed(finalists)
            for candidate in order.sample(measured, len(measured)):
                if not self._budget.has_room():
                    return
                self._trial(candidate, self._long_s())
                self._is_within_limits(candidate)
                self._correct(candidate)

    def _correct(self, candidate: Candidate) -> None:
        """Judge its concurrency again, so that another of its family may take its place."""
        for ladder in self._ladders:
            family = ladder.family
            if (family.pool, family.workers) == (candidate.pool, candidate.workers):
                usable = self._is_usable(candidate)
                ladder.correct(candidate.concurrency, self.rate(candidate) if usable else 0.0)

    def _finalists(self) -> list[Candidate]:
        ranked = list(self.ranked())
        best = self.rate(ranked[0]) if ranked else 0.0
        near = [one for one in ranked[:FINALISTS] if self.rate(one) * 1.25 >= best]
        return near or ranked[:1]

    def _deployed(self, finalists: Sequence[Candidate]) -> list[Candidate]:
        deployed = self._options.deployed
        if deployed is None or deployed in finalists or not self._passes_the_check(deployed):
            return []
        return [deployed]

    def _is_clear(self, finalists: Sequence[Candidate]) -> bool:
        if finalists and len(self._bench.trials(finalists[0])) < FEWEST:
            return False
        if len(finalists) < 2:
            return True
        first, second = (
            [trial.rate_per_s for trial in self._bench.trials(one)] for one in finalists[:2]
        )
        found = compare(first, second, seed=self._options.seed)
        return found.real or len(first) >= 6

    def ranked(self) -> Iterator[Candidate]:
        """Yield the usable candidates, the best of each family first by throughput."""
        best = [
            ladder.family.candidate(ladder.best())
            for ladder in self._ladders
            if ladder.rates and max(ladder.rates.values()) > 0
        ]
        yield from sorted(filter(self._is_usable, best), key=self.rate, reverse=True)

    def rate(self, candidate: Candidate) -> float:
        """Return the median throughput of a candidate."""
        trials = self._bench.trials(candidate)
        return float(np.median([trial.rate_per_s for trial in trials])) if trials else 0.0

    def _is_usable(self, candidate: Candidate) -> bool:
        return not self._bench.is_rejected(candidate) and self.rate(candidate) > 0

    def _is_within_limits(self, candidate: Candidate) -> bool:
        """Reject a candidate that needs too much memory or is too slow for the objective."""
        trials, options = self._bench.trials(candidate), self._options
        if self._bench.is_rejected(candidate) or not trials:
            return False
        if trials[-1].peak_pss_bytes > options.room.memory_bytes:
            self._bench.reject(candidate, "needs more memory than the limit")
        elif options.slo_s is not None and trials[-1].objective_s > options.slo_s:
            self._bench.reject(candidate, "misses the objective (--slo)")
        elif why := self._why_failing(candidate):
            self._bench.reject(candidate, why)
        return not self._bench.is_rejected(candidate)

    def _why_failing(self, candidate: Candidate) -> str:
        """Say that more tasks fail here than elsewhere; tasks that fail early look fast."""
        tried = (
            ladder.family.candidate(concurrency)
            for ladder in self._ladders
            for concurrency in ladder.rates
        )
        others = [self._bench.trials(other) for other in tried if other != candidate]
        return why_rejected(self._bench.trials(candidate), others, Tally.alone(self._profile))

    def _trial(self, candidate: Candidate, seconds: float) -> float:
        rate_per_s = self._budget.timed(lambda: self._bench.trial(candidate, seconds))
        self._on_trial(candidate, rate_per_s)
        return rate_per_s

    def _short_s(self) -> float:
        return min(max(1.0, 3 * self._profile.run_s), self._budget.seconds / 12)

    def _long_s(self) -> float:
        return min(max(2.0, 6 * self._profile.run_s), self._budget.seconds / 8)
