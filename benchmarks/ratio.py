"""Ratios of two contestants that ran in turn, as text; it runs nothing."""

from __future__ import annotations

from collections.abc import Sequence

from producer.statistics import spread


def line(label: str, numerators: Sequence[float], denominators: Sequence[float]) -> str:
    """Write the median ratio, pair by pair, with the least and the greatest beside it."""
    pairs = zip(numerators, denominators, strict=True)
    ratio = spread([numerator / denominator for numerator, denominator in pairs])
    spread_text = f"{ratio.low:.3f} to {ratio.high:.3f}, {len(numerators)} pairs"
    return f"{label:<34} {ratio.median:6.3f}   ({spread_text})"
