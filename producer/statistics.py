"""Statistics of raw samples: percentiles, medians of repeats, comparisons against noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: Below this ratio of two medians no winner is named, however small the spread of the repeats,
#: because a scheduler, a warm cache or a noisy neighbour can cause such a difference.
RESOLUTION = 1.03
#: The same if there is only one repeat, which shows nothing about the noise.
RESOLUTION_OF_ONE_REPEAT = 1.10
#: Resamples drawn by the bootstrap.
DRAWS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The median of some repeats, with their minimum and maximum."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How many times longer one takes than the other, from interleaved repeats."""

    ratio: float  # of the medians; above 1 if the second is faster
    noise: float  # the smallest ratio that these repeats can distinguish from 1
    real: bool  # whether the ratio exceeds the noise


def spread(values: Sequence[float]) -> Spread:
    """Return the median, minimum and maximum of at least one value."""
    return Spread(median=float(np.median(values)), low=min(values), high=max(values))


def percentiles(samples: Sequence[float], *wanted: float) -> tuple[float, ...]:
    """Return the `wanted` percentiles (0 to 100) of at least one sample, by nearest rank.

    Nearest rank returns a value that was measured; interpolation would invent one.
    """
    return tuple(float(p) for p in np.percentile(samples, wanted, method="inverted_cdf"))


def compare(slower: Sequence[float], faster: Sequence[float], *, seed: int) -> Comparison:
    """Compare the interleaved repeats of two pools.

    The noise is the half-width of a 95 % bootstrap interval of the ratio of the medians, and never
    less than `RESOLUTION`. Source: Efron & Tibshirani, An Introduction to the Bootstrap, ch. 13.
    """
    ratio = float(np.median(slower) / np.median(faster))
    if min(len(slower), len(faster)) < 2:
        noise = RESOLUTION_OF_ONE_REPEAT
    else:
        noise = max(RESOLUTION, _bootstrap_noise(slower, faster, seed))
    return Comparison(ratio=ratio, noise=noise, real=ratio > noise)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """A ratio with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float

    def differs(self, *, single: bool) -> bool:
        """Return whether it differs from 1 by more than noise.

        `single`: it is of one repeat each, which shows nothing about noise.
        """
        least = RESOLUTION_OF_ONE_REPEAT if single else RESOLUTION
        if max(self.value, 1 / self.value) <= least:
            return False
        return single or (self.low if self.value > 1 else 1 / self.high) > 1


def mean_ratio(pairs: Sequence[tuple[Sequence[float], Sequence[float]]], *, seed: int) -> Ratio:
    """Return the geometric mean of the ratios of the pairs' medians, and its interval.

    Each pair has at least one value on both sides, and all are more than 0. The geometric mean
    makes twice as long and half as long cancel out.
    """
    random = np.random.default_rng(seed)
    found = np.mean([np.log(np.median(one) / np.median(other)) for one, other in pairs])
    drawn = np.mean(
        [np.log(_medians(one, random) / _medians(other, random)) for one, other in pairs], axis=0
    )
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Ratio(value=float(np.exp(found)), low=float(np.exp(low)), high=float(np.exp(high)))


def _medians(values: Sequence[float], random: np.random.Generator) -> np.ndarray:
    """Return the medians of `DRAWS` resamples."""
    return np.asarray(np.median(random.choice(values, size=(DRAWS, len(values))), axis=1))


def _bootstrap_noise(slower: Sequence[float], faster: Sequence[float], seed: int) -> float:
    random = np.random.default_rng(seed)
    drawn = [_medians(values, random) for values in (slower, faster)]
    low, high = np.percentile(drawn[0] / drawn[1], (2.5, 97.5))
    return float(np.sqrt(high / low))
