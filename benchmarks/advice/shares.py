"""Computes which share of the best throughput each advised candidate has: pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.advice.exhaustive import Candidate
from benchmarks.ratio import by_pair, interval

Rates = Mapping[Candidate, Sequence[float]]
#: The share of the best throughput that the advised candidate must have.
ENOUGH = 0.90


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """An answer's throughput, divided by the best: the median of the rounds, and its interval."""

    candidate: Candidate | None  # None: there was no answer
    value: float = 0.0
    low: float = 0.0
    high: float = 0.0

    @property
    def enough(self) -> bool:
        """Whether the answer is close enough to the best."""
        return self.value >= ENOUGH

    def __str__(self) -> str:
        found = "no answer" if self.candidate is None else str(self.candidate)
        if not self.value:
            return f"advised: {found:<18} not measured in every round"
        return f"advised: {found:<18} {self.value:.2f} of the best ({self.low:.2f}-{self.high:.2f})"


def fastest(rates: Rates, count: int) -> list[Candidate]:
    """Return the candidates with the highest medians, the highest first."""
    return sorted(rates, key=lambda one: -median(rates[one]))[:count]


def shares(answers: Sequence[Candidate | None], final: Rates) -> Iterator[Share]:
    """Yield the share of each answer, by the rounds of the final.

    In each round, the answer is compared with the candidate that was the best in the other rounds.
    The highest median of all rounds would be partly luck, which nobody could have foreseen.

    A candidate without a rate in each round, because its workers failed or needed too much memory,
    has the share 0.
    """
    most = max(map(len, final.values()), default=0)
    whole = {one: rates for one, rates in final.items() if len(rates) == most and min(rates) > 0}
    for answer in answers:
        if answer is None or answer not in whole:
            yield Share(candidate=answer)
            continue
        bests = [whole[_best_without(number, whole)][number] for number in range(most)]
        pairs = by_pair(whole[answer], bests)
        low, high = interval(pairs)
        yield Share(candidate=answer, value=median(pairs), low=low, high=high)


def _best_without(number: int, rates: Rates) -> Candidate:
    """Return the candidate with the highest median in all rounds but one, if there are others."""
    others = {one: [*some[:number], *some[number + 1 :]] or some for one, some in rates.items()}
    return fastest(others, 1)[0]
