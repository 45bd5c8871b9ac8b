"""Computes ratios of two alternatives that were measured in turn, with a confidence interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

import click

#: Half the width of a 95 % interval, in standard deviations.
WIDTH_95 = 1.96
#: Fewer values than these have no 95 % interval.
FEWEST = 6


def line(label: str, ratios: Sequence[float]) -> str:
    """Write the median of some ratios with its confidence interval."""
    low, high = interval(ratios)
    share = "95 %" if len(ratios) >= FEWEST else "all"
    spread = f"{share}: {low:.3f} to {high:.3f}, {len(ratios)} pairs"
    return f"{label:<37} {median(ratios):6.3f}   ({spread})"


def by_pair(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    """Return the ratio of each pair: a slow moment of the machine affects both of a pair.

    Raises click.UsageError, one line, if a value is 0: it was too short to be measured.
    """
    pairs = list(zip(numerators, denominators, strict=True))
    if not all(n > 0 and d > 0 for n, d in pairs):
        raise click.UsageError("too short to be measured: use more tasks or more turns")
    return [n / d for n, d in pairs]


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return a confidence interval of about 95 % for the median of independent values.

    The interval ends at two of the values, chosen by rank as in the sign test, so it assumes no
    distribution. For fewer than `FEWEST` values it is their minimum and maximum.
    Source: Conover, Practical Nonparametric Statistics, 3.2.
    """
    ranked, count = sorted(values), len(values)
    low = max(0, math.floor((count - WIDTH_95 * math.sqrt(count)) / 2))
    return ranked[low], ranked[count - 1 - low]
