"""How many things happened at the same time: pure arithmetic on time spans."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

#: Start and end, in seconds by one clock.
Stretch = tuple[float, float]


def mean_at_once(stretches: Iterable[Stretch]) -> float:
    """Return how many spans overlapped on average, over the time covered by at least one.

    1 means that no two ever overlapped; gaps do not count. 0 if there are no spans.
    """
    levels = list(_levels(stretches))
    busy_s = sum(length_s for length_s, level in levels if level)
    return sum(length_s * level for length_s, level in levels) / busy_s if busy_s else 0.0


def most_at_once(stretches: Iterable[Stretch]) -> int:
    """Return the most spans that overlapped; touching ends do not overlap."""
    return max((level for _, level in _levels(stretches)), default=0)


def _levels(stretches: Iterable[Stretch]) -> Iterator[tuple[float, int]]:
    """Yield the time between each two starts or ends, and how many spans covered it."""
    steps = [(at_s, step) for began_s, ended_s in stretches for at_s, step in
             ((began_s, 1), (ended_s, -1))]  # fmt: skip
    level, before_s = 0, 0.0
    for at_s, step in sorted(steps):  # an end sorts before a beginning of the same instant
        if at_s > before_s and level:
            yield at_s - before_s, level
        level, before_s = level + step, at_s
