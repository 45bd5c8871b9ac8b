"""The histogram loses no latency, and its percentiles are within the stated error."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.history import histogram
from producer.statistics import percentiles

LATENCIES = st.lists(st.floats(histogram.LOWEST_S, 3_000), min_size=1, max_size=200)


def counted(latencies_s: list[float]) -> histogram.Counts:
    counts = np.zeros((1, histogram.BUCKETS), np.uint16)
    histogram.add(counts, histogram.buckets_of(np.array(latencies_s)))
    return counts


@given(LATENCIES, st.sampled_from([1, 50, 95, 99, 100]))
def test_a_percentile_is_within_the_stated_error(latencies_s: list[float], percent: int) -> None:
    found = histogram.percentile_s(counted(latencies_s).astype(np.int64), percent)[0]
    [exact] = percentiles(latencies_s, percent)
    assert exact / (1 + histogram.ERROR) - 1e-9 <= found <= exact * (1 + histogram.ERROR) + 1e-9


@given(LATENCIES)
def test_every_latency_is_in_a_bucket(latencies_s: list[float]) -> None:
    assert counted(latencies_s).sum() == len(latencies_s)


def test_latencies_outside_the_range_are_in_the_first_or_last_bucket() -> None:
    assert histogram.buckets_of(np.array([0.0, -1.0, 1e9])).tolist() == [
        0,
        0,
        histogram.BUCKETS - 1,
    ]


def test_the_error_is_at_most_five_percent() -> None:
    assert histogram.ERROR < 0.05


def test_an_empty_histogram_has_no_percentile() -> None:
    assert np.isnan(histogram.percentile_s(np.zeros((1, histogram.BUCKETS), int), 50)).all()


def test_a_full_bucket_stays_full() -> None:
    counts = np.full((1, histogram.BUCKETS), histogram.FULL, np.uint16)
    histogram.add(counts, np.array([3, 3]))
    assert counts[0, 3] == histogram.FULL
