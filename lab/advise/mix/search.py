"""Searches the best single group and the best split of a mix, then compares them in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from lab.advise.mix.lanes import Lanes
from lab.advise.mix.split import Split, variants
from lab.advise.search.budget import Budget
from lab.advise.search.finals import take_turns
from lab.advise.search.ladder import NEAR
from lab.advise.search.limits import Limits
from lab.advise.search.search import Search, TrialLength
from lab.advise.trial.bench import Bench
from lab.project.candidates import Candidate
from lab.results.advice import Profile

#: Share of the budget after which no new split is tried.
EXPLORE: Final = 0.65
#: Finalists of each kind.
FINALISTS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """What takes part: searches for one group, with the bench of the splits."""

    single: Search
    splits: Bench[Split, Lanes]
    limits: Limits
    length: TrialLength


class SplitSearch:
    """Tries splits, and compares the best with the best single groups."""

    def __init__(
        self, contest: Contest, budget: Budget, on_trial: Callable[[str, float], None], *, seed: int
    ) -> None:
        self._contest = contest
        self._budget = budget
        self._on_trial = on_trial
        self._seed = seed
        self._tried: list[Split] = []

    def explore(self, first: Sequence[Split], profiles: Sequence[Profile]) -> None:
        """Try splits, then variants of the best, as long as there is time to compare them after.

        The first one is tried even if there is no time for it. `profiles` are those of the parts.
        """
        left = list(first)
        while not self._tried or self._budget.has_room(EXPLORE):
            best = self._ranked()
            more = variants(best[0], profiles, self._contest.limits.room) if best else iter(())
            split = next((one for one in (*left, *more) if one not in self._tried), None)
            if split is None:
                return
            self._trial(split, self._contest.length.short_s)

    def compare(self, also: Callable[[Sequence[Candidate]], Sequence[Candidate]]) -> None:
        """Measure the best of each kind in turn; `also` returns further single groups."""
        take_turns(
            self._finalists,
            self._measure_again,
            self._rates,
            self._budget,
            also=lambda chosen: also([one for one in chosen if isinstance(one, Candidate)]),
            seed=self._seed,
        )

    def _finalists(self) -> list[Candidate | Split]:
        """Return the best of each kind first, then those that are near the best of all."""
        kinds: list[Sequence[Candidate | Split]] = [
            self._contest.single.finalists()[:FINALISTS],
            self._ranked()[:FINALISTS],
        ]
        kinds = sorted(filter(None, kinds), key=lambda kind: -self._rate(kind[0]))
        others = [one for kind in kinds for one in kind[1:]]
        most = self._rate(kinds[0][0]) if kinds else 0.0
        near = [one for one in others if self._rate(one) * NEAR >= most]
        return [*(kind[0] for kind in kinds), *near]

    def _measure_again(self, one: Candidate | Split) -> None:
        if isinstance(one, Candidate):
            self._budget.timed(lambda: self._contest.single.measure_again(one))
        else:
            self._trial(one, self._contest.length.long_s)

    def _trial(self, split: Split, seconds: float) -> None:
        if split not in self._tried:
            self._tried.append(split)
        contest = self._contest
        score = self._budget.timed(lambda: contest.splits.trial(split, seconds))
        contest.limits.keeps(contest.splits, split, self._tried)
        trials = contest.splits.trials(split)
        self._on_trial(split.label, trials[-1].rate_per_s if score else 0.0)

    def _ranked(self) -> list[Split]:
        usable = (one for one in self._tried if not self._contest.splits.is_rejected(one))
        return sorted(usable, key=lambda one: -self._rate(one))

    def _rates(self, one: Candidate | Split) -> list[float]:
        if isinstance(one, Candidate):
            return self._contest.single.rates(one)
        return [trial.score for trial in self._contest.splits.trials(one)]

    def _rate(self, one: Candidate | Split) -> float:
        rates = self._rates(one)
        return float(np.median(rates)) if rates else 0.0
