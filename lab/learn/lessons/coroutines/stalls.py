"""Finds stalls, spans in which no ticker ran, and the task that caused each; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

#: The least overlap with a stall that makes a task its culprit.
LEAST_OVERLAP: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRange:
    """A stretch of time; seconds since the scene's start."""

    from_s: float
    to_s: float

    @property
    def length_s(self) -> float:
        """The length in seconds."""
        return self.to_s - self.from_s

    def shared_s(self, other: TimeRange) -> float:
        """Return how long the two spans overlap."""
        return max(0.0, min(self.to_s, other.to_s) - max(self.from_s, other.from_s))

    def overlap(self, other: TimeRange) -> float:
        """Return the intersection of the two spans as a share of their union, 0 to 1."""
        shared_s = self.shared_s(other)
        union_s = self.length_s + other.length_s - shared_s
        return shared_s / union_s if union_s > 0 else 0.0


def find_stalls(tickers: Iterable[Sequence[float]], least_s: float) -> list[TimeRange]:
    """Return the spans longer than `least_s` seconds in which no ticker ran.

    `tickers` holds the instants of each ticker's turns. Only the time during which all tickers were
    there counts.
    """
    turns = [sorted(one) for one in tickers if one]
    if not turns:
        return []
    first_s, last_s = max(one[0] for one in turns), min(one[-1] for one in turns)
    inside = sorted(at_s for one in turns for at_s in one if first_s <= at_s <= last_s)
    return [
        TimeRange(from_s=before_s, to_s=after_s)
        for before_s, after_s in pairwise(inside)
        if after_s - before_s > least_s
    ]


def culprit(stall: TimeRange, tasks: Mapping[str, TimeRange]) -> str | None:
    """Name the task whose span overlaps the stall most, or None if no span overlaps it enough.

    A task that only ran at the same time started well before the stall and ended well after it.
    """
    closest = max(tasks, key=lambda name: stall.overlap(tasks[name]), default=None)
    if closest is None or stall.overlap(tasks[closest]) < LEAST_OVERLAP:
        return None
    return closest


def longest_gap_s(tickers: Iterable[Sequence[float]], span: TimeRange) -> float:
    """Return the longest time that any ticker waited for a turn during `span`, in seconds."""
    return max(
        (
            after_s - before_s
            for turns in tickers
            for before_s, after_s in pairwise(turns)
            if before_s < span.to_s and after_s > span.from_s
        ),
        default=0.0,
    )
