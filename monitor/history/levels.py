"""The gauges of one worker or queue over time, in each tier; it does not know what they measure."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.history.tiers import COARSE, FINE, TIERS, Tier

#: The largest weight of a mean: a worker that writes more gauges than one per second has no more.
MAX_WEIGHT: Final = 100

#: One value for each gauge, or a ring for each; NaN means unknown.
GaugeArray = NDArray[np.float32]


class Levels:
    """Some gauges by the second, and their averages in each coarse step."""

    __slots__ = ("_weights", "rings")

    def __init__(self, gauges: int) -> None:
        """Start with all values of a number of `gauges` unknown."""
        self.rings: dict[Tier, GaugeArray] = {
            tier: np.full((gauges, tier.rows), np.nan, np.float32) for tier in TIERS
        }
        self._weights = np.zeros((gauges, COARSE.rows), np.uint8)  # seconds in each average

    def fill(self, seconds: range, values: GaugeArray) -> None:
        """Set the gauges of some consecutive seconds."""
        self.rings[FINE][:, FINE.row_of(np.array(seconds))] = values[:, None]
        first, last, step_s = seconds[0], seconds[-1], COARSE.step_s
        for start_s in range(first // step_s * step_s, last + 1, step_s):
            weight = min(last + 1, start_s + step_s) - max(first, start_s)
            self.average(start_s, values, weight)

    def average(self, second: int, values: GaugeArray, weight: int) -> None:
        """Add `values` that held for `weight` seconds to the averages of a coarse step."""
        row = COARSE.row_of(second)
        known = ~np.isnan(values)
        means, before = self.rings[COARSE][known, row], self._weights[known, row].astype(np.int64)
        sums = np.where(before > 0, means * before, 0) + values[known] * weight
        self.rings[COARSE][known, row] = sums / (before + weight)
        self._weights[known, row] = np.minimum(before + weight, MAX_WEIGHT)

    def clear(self, tier: Tier, row: int) -> None:
        """Forget one row of a tier."""
        self.rings[tier][:, row] = np.nan
        if tier is COARSE:
            self._weights[:, row] = 0

    def any_known(self) -> bool:
        """Return whether anything is known of the last hour."""
        return not np.isnan(self.rings[COARSE]).all()
