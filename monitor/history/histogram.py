"""A latency histogram with a fixed number of buckets, each 10 % wider than the one before.

Within the range of the buckets, a percentile (nearest rank) is at most 5 % off.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

#: The width of a bucket, relative to the one before.
GROWTH: Final = 1.1
#: The upper end of the first bucket, in seconds. Any faster task reads as this.
LOWEST_S: Final = 1e-4
#: The last bucket ends above one hour and also holds everything slower.
BUCKETS: Final = 184
#: The largest relative error of a percentile within the range: half a bucket, geometrically.
ERROR: Final = GROWTH**0.5 - 1

#: The largest count of a bucket. 16 bits halve the memory, and no worker fills them in a second.
FULL: Final = np.iinfo(np.uint16).max

Counts = NDArray[np.uint16]

#: The latency that each bucket reads as, in seconds: its geometric middle.
_MIDDLES_S: Final = LOWEST_S * GROWTH ** (np.arange(BUCKETS) - 0.5)
_MIDDLES_S[0] = LOWEST_S


def buckets_of(latencies_s: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the bucket of each latency."""
    steps = np.log(np.maximum(latencies_s, LOWEST_S) / LOWEST_S) / np.log(GROWTH)
    # Rounding must not move a value on a bucket's border up into the next one.
    buckets: NDArray[np.int64] = np.clip(np.ceil(steps - 1e-9), 0, BUCKETS - 1).astype(np.int64)
    return buckets


def add(counts: Counts, indices: NDArray[np.int64]) -> None:
    """Add one at each of the flat `indices` of `counts`; an index may occur many times."""
    flat = counts.reshape(-1)
    unique, more = np.unique(indices, return_counts=True)
    flat[unique] = np.minimum(flat[unique].astype(np.int64) + more, FULL)


def percentile_s(counts: NDArray[np.int64], percent: float) -> NDArray[np.float64]:
    """Return the percentile of each row of (n, BUCKETS) `counts`, seconds; NaN for an empty row."""
    totals = counts.sum(axis=1)
    ranks = np.maximum(np.ceil(totals * percent / 100), 1)
    buckets = (counts.cumsum(axis=1) >= ranks[:, None]).argmax(axis=1)
    return np.where(totals > 0, _MIDDLES_S[buckets], np.nan)
