"""Names the task that kept its neighbours from their turns, from what was seen outside; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

#: Share of overlap below which nobody is named.
SURE: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From when to when; seconds since the scene's start."""

    from_s: float
    to_s: float

    @property
    def length_s(self) -> float:
        """How long it is."""
        return self.to_s - self.from_s

    def shared_s(self, other: Span) -> float:
        """Return how long the two have in common."""
        return max(0.0, min(self.to_s, other.to_s) - max(self.from_s, other.from_s))

    def likeness(self, other: Span) -> float:
        """Return what the two have in common as a share of what they take together, 0 to 1."""
        shared_s = self.shared_s(other)
        together_s = self.length_s + other.length_s - shared_s
        return shared_s / together_s if together_s > 0 else 0.0


def stalls(neighbours: Iterable[Sequence[float]], least_s: float) -> list[Span]:
    """Return when none of the neighbours had a turn for more than `least_s` seconds.

    `neighbours`: of each the instants of its turns; what lies outside of the time that all of
    them were there does not count.
    """
    turns = [sorted(one) for one in neighbours if one]
    if not turns:
        return []
    first_s, last_s = max(one[0] for one in turns), min(one[-1] for one in turns)
    inside = sorted(at_s for one in turns for at_s in one if first_s <= at_s <= last_s)
    return [
        Span(from_s=before_s, to_s=after_s)
        for before_s, after_s in pairwise(inside)
        if after_s - before_s > least_s
    ]


def blamed(stall: Span, tasks: Mapping[str, Span]) -> str | None:
    """Name the task whose span is most like the stall; None where none is much like it.

    A task that merely was there as well has a span that begins before and ends after.
    """
    likest = max(tasks, key=lambda name: stall.likeness(tasks[name]), default=None)
    if likest is None or stall.likeness(tasks[likest]) < SURE:
        return None
    return likest


def worst_gap_s(neighbours: Iterable[Sequence[float]], span: Span) -> float:
    """Return the longest that any neighbour waited for a turn while `span` lasted, seconds."""
    return max(
        (
            after_s - before_s
            for turns in neighbours
            for before_s, after_s in pairwise(turns)
            if before_s < span.to_s and after_s > span.from_s
        ),
        default=0.0,
    )
