"""The benchmarks report ratios as medians with a confidence interval."""

from __future__ import annotations

import click
import pytest

from benchmarks.ratio import by_pair, interval, line


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [(1, 1, 1), (5, 1, 5), (6, 1, 6), (12, 3, 10), (60, 23, 38)],
)
def test_the_interval_ends_at_the_ranks_of_the_sign_test(count: int, low: int, high: int) -> None:
    assert interval(list(range(count, 0, -1))) == (low, high)


def test_ratios_are_computed_pair_by_pair() -> None:
    assert by_pair([2.0, 9.0], [1.0, 3.0]) == [2.0, 3.0]
    with pytest.raises(ValueError, match="zip"):
        by_pair([1.0], [1.0, 2.0])


@pytest.mark.parametrize("values", [([0.0, 1.0], [1.0, 1.0]), ([1.0, 1.0], [1.0, 0.0])])
def test_a_time_too_short_to_be_measured_is_explained(values: tuple[list[float], ...]) -> None:
    with pytest.raises(click.UsageError, match="use more tasks"):
        by_pair(*values)


def test_too_few_values_have_no_confidence_interval() -> None:
    assert "(all: 1.000 to 5.000, 5 pairs)" in line("a / b", [1, 2, 3, 4, 5])
    assert "(95 %: 1.000 to 6.000, 6 pairs)" in line("a / b", [1, 2, 3, 4, 5, 6])
