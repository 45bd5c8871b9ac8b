"""Ratios of two contestants that ran in turn, as text; it runs nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

#: Half the width of a 95 % interval, in standard deviations.
WIDTH_95 = 1.96


def line(label: str, numerators: Sequence[float], denominators: Sequence[float]) -> str:
    """Write the median ratio, pair by pair, between what it could as well have been."""
    ratios = by_pair(numerators, denominators)
    low, high = interval(ratios)
    return (
        f"{label:<34} {median(ratios):6.3f}   (95 %: {low:.3f} to {high:.3f}, {len(ratios)} pairs)"
    )


def by_pair(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    """Return the ratio of each pair that ran in turn, for what a noisy machine did to both."""
    return [n / d for n, d in zip(numerators, denominators, strict=True)]


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return a 95 % interval of the median of at least one value, whatever they are spread like.

    Its ends are among the values: those ranks that a fair coin would hardly leave the median
    outside of. Source: Conover, Practical Nonparametric Statistics, 3.2.
    """
    ranked, count = sorted(values), len(values)
    low = math.floor((count - WIDTH_95 * math.sqrt(count)) / 2)
    low = max(0, low)
    return ranked[low], ranked[count - 1 - low]
