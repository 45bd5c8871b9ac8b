"""Finds the best concurrency of a pool step by step; pure, from the rates measured so far."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from lab.project.candidates import Family

#: More throughput than this must come of more slots, or they are not worth it.
WORTH: Final = 1.05
#: A candidate that is behind by more than this factor is not the best, whatever the noise.
NEAR: Final = 1.25


class Ladder:
    """Finds the concurrency beyond which more brings little, from the rates measured so far."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self.rates: dict[int, float] = {}

    def add(self, concurrency: int, rate_per_s: float) -> None:
        """Note a measured throughput; 0 if the candidate cannot be used."""
        self.rates[concurrency] = max(rate_per_s, self.rates.get(concurrency, 0.0))

    def correct(self, concurrency: int, rate_per_s: float) -> None:
        """Replace a throughput by a better estimate of it: a first trial may have been lucky."""
        self.rates[concurrency] = rate_per_s

    def next(self) -> int | None:
        """Return the next concurrency to try, or None at the end."""
        if not self.rates:
            return self.family.first
        tried = sorted(self.rates)
        largest = tried[-1]
        if self.best() == largest and largest < self.family.most:
            return min(self.family.most, largest * self._factor(tried))
        # A large step may have gone past the knee, where more slots bring little or cost something.
        best = self.best()
        larger = next((slots for slots in tried if slots > best), best)
        if larger > 2 * best:
            return 2 * best
        for low, high in pairwise(slots for slots in tried if slots <= best):
            if high // 2 > low and self._is_near(high):
                return high // 2
        if len(tried) < 4 and best == tried[0] and best > 1:
            return best // 2
        return None

    def _factor(self, tried: list[int]) -> int:
        """Return a large step while throughput grows in step with the slots."""
        if len(tried) < 2:
            return 2
        before, last = tried[-2:]
        growth = self.rates[last] / self.rates[before] if self.rates[before] else 1.0
        return 4 if growth > 0.85 * last / before else 2

    def stopped_at(self) -> int | None:
        """Return the concurrency above the best one that brought no more; None if there is none."""
        if not self.rates or max(self.rates.values()) <= 0:
            return None
        best = self.best()
        larger = (slots for slots, rate in self.rates.items() if slots > best and rate > 0)
        return min(larger, default=None)

    def neighbour(self) -> int | None:
        """Return the next smaller concurrency, or else the next larger, if it may be the best."""
        best = self.best()
        smaller = sorted((slots for slots in self.rates if slots < best), reverse=True)[:1]
        larger = sorted(slots for slots in self.rates if slots > best)[:1]
        return next(filter(self._is_near, [*smaller, *larger]), None)

    def _is_near(self, concurrency: int) -> bool:
        """Return whether a concurrency may be the best, although one trial says otherwise."""
        return self.rates[concurrency] * NEAR >= max(self.rates.values()) > 0

    def best(self) -> int:
        """Return the smallest concurrency whose throughput is close to the highest."""
        most = max(self.rates.values())
        return min(slots for slots, rate in self.rates.items() if rate * WORTH >= most)


def overall_best(ladders: Iterable[Ladder]) -> float:
    """Return the highest throughput so far, in tasks per second."""
    return max((rate for ladder in ladders for rate in ladder.rates.values()), default=0.0)
