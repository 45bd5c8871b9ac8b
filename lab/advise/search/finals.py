"""Measures the best candidates in turn, longer, until one is clearly ahead or the time is up."""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Final, TypeVar

from lab.advise.search.budget import Budget
from producer.statistics import compare

T = TypeVar("T", bound=Hashable)

#: The fewest trials of each candidate.
FEWEST: Final = 3
#: Trials after which two candidates without a real difference are not measured again.
ENOUGH: Final = 6


def take_turns(
    finalists: Callable[[], Sequence[T]],
    trial: Callable[[T], None],
    rates: Callable[[T], Sequence[float]],
    budget: Budget,
    *,
    also: Callable[[Sequence[T]], Sequence[T]] = lambda _finalists: (),
    seed: int = 0,
) -> None:
    """Give each of the finalists a trial in each round, in random order.

    They are chosen anew for each round, the best first. `also` returns others to measure with them.
    """
    order = random.Random(seed)  # noqa: S311 - no secret
    for number in range(1, 1_000):
        chosen = finalists()
        if number > FEWEST and is_clear([rates(one) for one in chosen], seed=seed):
            return
        measured = [*chosen, *also(chosen)]
        for candidate in order.sample(measured, len(measured)):
            if not budget.has_room():
                return
            trial(candidate)


def is_clear(rates: Iterable[Sequence[float]], *, seed: int) -> bool:
    """Return whether more trials would not change the order of the first two."""
    leading = list(rates)[:2]
    if any(len(some) < FEWEST for some in leading):
        return False
    if len(leading) < 2:
        return True
    first, second = leading
    return compare(first, second, seed=seed).real or len(first) >= ENOUGH
