"""Raises each pool's concurrency while that brings more throughput, in short trials."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from lab.advise.search.budget import Budget
from lab.advise.search.ladder import Ladder, overall_best
from lab.advise.trial.bench import Bench
from lab.project.candidates import Candidate, Family, Room, side_by_side
from lab.project.workers import Group
from lab.results.advice import Profile

#: Share of the budget after which no new candidate is tried; the second one is for the best pool.
EXPLORE: Final = 0.6
EXPLORE_BEST: Final = 0.85
#: A family that is behind by this factor and does not grow is dropped.
BEHIND: Final = 2.0
#: Cores that one worker must use before several side by side are tried.
SATURATED: Final = 0.6


class Climb:
    """One exploration; `step` returns a candidate's throughput, None if its pool is ruled out."""

    def __init__(
        self,
        bench: Bench[Candidate, Group],
        profile: Profile,
        budget: Budget,
        room: Room,
        step: Callable[[Candidate], float | None],
    ) -> None:
        self._bench = bench
        self._profile = profile
        self._budget = budget
        self._room = room
        self._step = step
        self.ladders: list[Ladder] = []

    def run(self, families: Sequence[Family]) -> None:
        """Explore the families, then several workers of the good ones side by side."""
        self.ladders = [Ladder(family) for family in families]
        self._climb(self.ladders)
        self._look_again()
        more = [family for ladder in self.ladders if (family := self._side_by_side(ladder))]
        self.ladders += (added := [Ladder(family) for family in more])
        self._climb(added)

    def resume(self) -> None:
        """Explore what has become promising since, because a throughput was corrected."""
        self._climb(self.ladders)

    def tried(self) -> Iterator[Candidate]:
        """Yield the candidates that have a throughput."""
        for ladder in self.ladders:
            yield from map(ladder.family.candidate, ladder.rates)

    def best_of_each(self) -> Iterator[Candidate]:
        """Yield the best candidate of each family that can be used."""
        for ladder in self.ladders:
            if ladder.rates and max(ladder.rates.values()) > 0:
                yield ladder.family.candidate(ladder.best())

    def neighbour_of(self, candidate: Candidate) -> Candidate | None:
        """Return the concurrency next to its family's best one, if that may be the best."""
        ladder = self._ladder_of(candidate)
        if ladder is None or (concurrency := ladder.neighbour()) is None:
            return None
        return ladder.family.candidate(concurrency)

    def correct(self, candidate: Candidate, rate_per_s: float) -> None:
        """Judge its concurrency again, so that another of its family may take its place."""
        if ladder := self._ladder_of(candidate):
            ladder.correct(candidate.concurrency, rate_per_s)

    def _ladder_of(self, candidate: Candidate) -> Ladder | None:
        """Return the ladder of its family; None if it has none, as what runs today may not."""
        slots = candidate.concurrency
        own = (one for one in self.ladders if one.family.candidate(slots) == candidate)
        return next(own, None)

    def _climb(self, ladders: Sequence[Ladder]) -> None:
        """Give each ladder a step in turn, as long as one of them has a promising step."""
        moving = list(ladders)
        while moving:
            for ladder in tuple(moving):
                if not self._take_step(ladder):
                    moving.remove(ladder)

    def _look_again(self) -> None:
        """Measure again where a pool stopped growing, if it would lead had it grown.

        A single trial that something else slowed down would hide all that more slots, and several
        workers, can bring.
        """
        for ladder in self.ladders:
            concurrency = ladder.stopped_at()
            if concurrency is None or not self._budget.has_room(EXPLORE):
                continue
            rate_per_s = ladder.rates[ladder.best()] * concurrency / ladder.best()
            if rate_per_s > overall_best(self.ladders):
                self._measure(ladder, concurrency)
                self._climb([ladder])

    def _take_step(self, ladder: Ladder) -> bool:
        """Measure the next concurrency of a ladder; return False if it needs no further step."""
        concurrency = ladder.next()
        if concurrency is None or (ladder.rates and not self._is_promising(ladder)):
            return False
        # One trial is made even if there is no time for it.
        if not self._budget.has_room(self._until(ladder)) and self._has_rates():
            return False
        return self._measure(ladder, concurrency)

    def _measure(self, ladder: Ladder, concurrency: int) -> bool:
        """Measure a concurrency of a ladder; return False if its pool is ruled out."""
        rate_per_s = self._step(ladder.family.candidate(concurrency))
        if rate_per_s is None:
            return False
        ladder.add(concurrency, rate_per_s)
        return True

    def _until(self, ladder: Ladder) -> float:
        """Return the share of the budget within which a ladder may take its next step.

        Each family gets its first trial as long as there is time at all. A better concurrency in
        the best family is worth more than measuring it again.
        """
        if not ladder.rates:
            return 1.0
        leads = max(ladder.rates.values()) >= overall_best(self.ladders)
        return EXPLORE_BEST if leads else EXPLORE

    def _has_rates(self) -> bool:
        return any(ladder.rates for ladder in self.ladders)

    def _is_promising(self, ladder: Ladder) -> bool:
        """Return whether a family may still win: it is near the best, or it still grows."""
        rates = [rate for _, rate in sorted(ladder.rates.items())]
        grows = len(rates) < 2 or rates[-1] > 1.3 * rates[-2]
        return grows or max(rates) * BEHIND > overall_best(self.ladders)

    def _side_by_side(self, ladder: Ladder) -> Family | None:
        """Return several workers side by side, if one of them has used about a whole core."""
        if not ladder.rates:
            return None
        best = ladder.best()
        trials = self._bench.trials(ladder.family.candidate(best))
        if not trials or max(trial.cores for trial in trials) < SATURATED:
            return None
        most = max(ladder.rates.values()) * self._room.cores
        if most < overall_best(self.ladders):
            return None
        return side_by_side(ladder.family, best, self._profile, self._room)
