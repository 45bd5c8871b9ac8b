"""Ratios of two contestants that ran in turn, as text; it runs nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

#: Half the width of a 95 % interval, in standard deviations.
WIDTH_95 = 1.96
#: Fewer values than these have no 95 % interval.
FEWEST = 6


def line(label: str, ratios: Sequence[float]) -> str:
    """Write the median of some ratios, between what it could as well have been."""
    low, high = interval(ratios)
    share = "95 %" if len(ratios) >= FEWEST else "all"
    spread = f"{share}: {low:.3f} to {high:.3f}, {len(ratios)} pairs"
    return f"{label:<36} {median(ratios):6.3f}   ({spread})"


def by_pair(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    """Return the ratio of each pair that ran in turn: what the machine did, it did to both."""
    return [n / d for n, d in zip(numerators, denominators, strict=True)]


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return an interval of about 95 % of the median, of at least `FEWEST` independent values.

    Its ends are among the values, whatever these are spread like: the ranks that a fair coin would
    hardly leave the median outside of. With fewer values they are the least and the greatest.
    Source: Conover, Practical Nonparametric Statistics, 3.2.
    """
    ranked, count = sorted(values), len(values)
    low = max(0, math.floor((count - WIDTH_95 * math.sqrt(count)) / 2))
    return ranked[low], ranked[count - 1 - low]
