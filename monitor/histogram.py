"""Latencies in a fixed number of buckets, each 10 % wider than the last; it knows no time axis.

A percentile read from it is the nearest rank's, at most 5 % off, within the buckets' range.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

#: How many times wider each bucket is than the one before.
GROWTH: Final = 1.1
#: Seconds up to which the first bucket reaches: faster tasks all read as this.
LOWEST_S: Final = 1e-4
#: The last bucket ends above an hour, and holds all that took longer.
BUCKETS: Final = 184
#: Largest relative error of a percentile within the range: half a bucket, geometrically.
ERROR: Final = GROWTH**0.5 - 1

#: What a bucket holds at most; more is not counted. Halves the memory, and no worker is so fast.
FULL: Final = np.iinfo(np.uint16).max

Counts = NDArray[np.uint16]

#: What a latency in each bucket reads as, seconds: the bucket's geometric middle.
_MIDDLES_S: Final = LOWEST_S * GROWTH ** (np.arange(BUCKETS) - 0.5)
_MIDDLES_S[0] = LOWEST_S


def buckets_of(latencies_s: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the bucket of each latency."""
    steps = np.log(np.maximum(latencies_s, LOWEST_S) / LOWEST_S) / np.log(GROWTH)
    # A value on a border must not slip up by rounding.
    buckets: NDArray[np.int64] = np.clip(np.ceil(steps - 1e-9), 0, BUCKETS - 1).astype(np.int64)
    return buckets


def add(counts: Counts, places: NDArray[np.int64]) -> None:
    """Count one more in each of the flat `places` of `counts`, which may name one many times."""
    flat = counts.reshape(-1)
    where, more = np.unique(places, return_counts=True)
    flat[where] = np.minimum(flat[where].astype(np.int64) + more, FULL)


def percentile_s(counts: NDArray[np.int64], percent: float) -> NDArray[np.float64]:
    """Return the percentile of each row of (n, BUCKETS) `counts`, seconds; NaN for an empty one."""
    totals = counts.sum(axis=1)
    ranks = np.maximum(np.ceil(totals * percent / 100), 1)
    buckets = (counts.cumsum(axis=1) >= ranks[:, None]).argmax(axis=1)
    return np.where(totals > 0, _MIDDLES_S[buckets], np.nan)
