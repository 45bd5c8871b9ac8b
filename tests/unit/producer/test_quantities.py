"""Durations, rates, sizes and shares as people read them."""

from __future__ import annotations

import pytest

from producer import quantities


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
    assert quantities.duration(value_s) == text


@pytest.mark.parametrize(
    ("value_per_s", "text"),
    [
        (0, "0/s"),
        (1 / 360, "10.0/h"),
        (0.005, "18.0/h"),
        (0.07, "4.20/min"),
        (0.42, "0.42/s"),
        (19.34, "19.3/s"),
        (1904.2, "1,904/s"),
    ],
)
def test_a_rate_is_per_second_or_if_that_is_little_per_minute_or_hour(
    value_per_s: float, text: str
) -> None:
    assert quantities.rate(value_per_s) == text


@pytest.mark.parametrize(
    ("value_bytes", "text"),
    [(0, "0 B"), (512, "512 B"), (96_400_000, "96 MB"), (1.5e9, "1.5 GB"), (999_700, "1.0 MB")],
)
def test_a_size_is_in_decimal_units(value_bytes: float, text: str) -> None:
    assert quantities.size(value_bytes) == text


def test_a_share_is_a_percentage() -> None:
    assert [quantities.percent(share) for share in (0.97, 0.023, 0, 1.04)] == [
        "97 %", "2.3 %", "0 %", "104 %",
    ]  # fmt: skip
