"""Percentiles are measured values, and only differences beyond the noise are real."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.statistics import (
    RESOLUTION,
    RESOLUTION_OF_ONE_REPEAT,
    compare,
    percentiles,
    spread,
)

durations = st.floats(min_value=0.001, max_value=1_000)


@given(st.lists(durations, min_size=1, max_size=50), st.floats(min_value=0, max_value=100))
def test_a_percentile_is_a_value_that_was_measured(samples: list[float], wanted: float) -> None:
    assert percentiles(samples, wanted)[0] in samples


def test_percentiles_are_by_nearest_rank() -> None:
    assert percentiles(list(range(1, 101)), 50, 95, 99) == (50, 95, 99)


@given(st.lists(durations, min_size=1, max_size=20))
def test_the_median_lies_within_the_spread(values: list[float]) -> None:
    result = spread(values)
    assert result.low <= result.median <= result.high


def test_a_clear_difference_is_real() -> None:
    comparison = compare([4.0, 4.1, 3.9], [2.0, 2.1, 2.05], seed=7)
    assert comparison.real
    assert comparison.ratio == pytest.approx(4.0 / 2.05)


def test_overlapping_repeats_are_noise() -> None:
    assert not compare([2.0, 2.6, 2.2], [2.1, 1.7, 2.5], seed=7).real


def test_a_difference_below_the_resolution_is_never_real() -> None:
    comparison = compare([2.02] * 3, [2.0] * 3, seed=7)
    assert comparison.noise == RESOLUTION
    assert not comparison.real


def test_a_single_repeat_needs_a_larger_difference() -> None:
    assert compare([2.15], [2.0], seed=7).noise == RESOLUTION_OF_ONE_REPEAT
    assert not compare([2.15], [2.0], seed=7).real
    assert compare([2.3], [2.0], seed=7).real


def test_the_same_seed_gives_the_same_noise() -> None:
    first = compare([4.0, 4.4, 3.9], [2.0, 2.3, 2.05], seed=7)
    assert compare([4.0, 4.4, 3.9], [2.0, 2.3, 2.05], seed=7) == first
