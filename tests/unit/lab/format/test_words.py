"""Numbers as people read them."""

from __future__ import annotations

import pytest

from lab.format import words
from lab.results.race import Account, Interval


@pytest.mark.parametrize(
    ("value_s", "text"),
    [
        (0, "0 s"),
        (0.000_012, "12.0 µs"),
        (0.000_82, "820 µs"),
        (0.0049, "4.90 ms"),
        (0.101, "101 ms"),
        (0.999_9, "1.00 s"),
        (2.07, "2.07 s"),
        (40.04, "40.0 s"),
        (119.4, "119 s"),
        (200, "3 min 20 s"),
        (3_719.6, "1 h 2 min"),
    ],
)
def test_a_duration_has_three_digits_and_a_unit(value_s: float, text: str) -> None:
    assert words.duration(value_s) == text


def test_a_spread_goes_to_the_farther_end_in_the_unit_and_decimals_of_the_median() -> None:
    assert words.spread(Interval(median=2.07, low=2.06, high=2.10)) == "2.07 s ± 0.03"
    assert words.spread(Interval(median=0.475, low=0.47, high=0.477)) == "475 ms ± 5"
    assert words.spread(Interval(median=200, low=190, high=201)) == "3 min 20 s ± 10.0 s"


@pytest.mark.parametrize(
    ("value_per_s", "text"), [(0, "0/s"), (0.42, "0.42/s"), (19.34, "19.3/s"), (1904.2, "1,904/s")]
)
def test_a_rate_is_per_second(value_per_s: float, text: str) -> None:
    assert words.rate(value_per_s) == text


@pytest.mark.parametrize(
    ("value_bytes", "text"),
    [(0, "0 B"), (512, "512 B"), (96_400_000, "96 MB"), (1.5e9, "1.5 GB"), (999_700, "1.0 MB")],
)
def test_a_size_is_in_decimal_units(value_bytes: float, text: str) -> None:
    assert words.size(value_bytes) == text


def test_a_share_is_a_percentage() -> None:
    assert [words.percent(share) for share in (0.97, 0.023, 0, 1.04)] == [
        "97 %", "2.3 %", "0 %", "104 %",
    ]  # fmt: skip


def test_a_moment_is_written_in_utc_and_other_text_is_unchanged() -> None:
    assert words.moment("2026-11-23T15:12:03+01:00") == "2026-11-23 14:12 UTC"
    assert words.moment("yesterday") == "yesterday"


def test_an_account_names_each_outcome_that_occurred() -> None:
    total = Account(
        submitted=10, finished=5, failed=1, lost=2, timed_out=1, unserved=1, duplicated=3
    )
    assert words.account(total) == (
        "10 submitted = 5 finished + 1 failed + 1 timed out + 1 still queued + 2 lost; 3 run twice."
    )


def test_an_account_that_does_not_add_up_says_so() -> None:
    total = Account(
        submitted=10, finished=5, failed=0, lost=0, timed_out=0, unserved=0, duplicated=0
    )
    assert words.account(total).startswith("10 submitted ≠ 5 finished")
    assert words.account(total).endswith("These numbers do not add up.")
