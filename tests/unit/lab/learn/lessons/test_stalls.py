"""The task that caused a stall is found from the gaps between ticks; bystanders are not blamed."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lab.learn.lessons.coroutines.stalls import TimeRange, culprit, find_stalls, longest_gap_s


def span(from_s: float, to_s: float) -> TimeRange:
    return TimeRange(from_s=from_s, to_s=to_s)


def ticking(*pieces: tuple[int, int]) -> list[float]:
    """Return a turn every 20 ms within each piece; pieces are in milliseconds."""
    return [ms / 1_000 for first, last in pieces for ms in range(first, last + 1, 20)]


BLOCKED = [ticking((0, 1_000), (1_800, 3_000)), ticking((10, 990), (1_810, 2_990))]
TASKS = {"blocking": span(1.0, 1.8), "patient": span(0.0, 3.0), "short": span(2.0, 2.1)}


def test_a_stall_is_a_span_without_a_turn_of_any_ticker() -> None:
    [stall] = find_stalls(BLOCKED, 0.2)
    assert stall == span(1.0, 1.8)


def test_there_is_no_stall_while_one_ticker_runs() -> None:
    one, other = ticking((0, 1_000), (1_800, 3_000)), ticking((0, 3_000))
    assert find_stalls([one, other], 0.2) == []
    assert find_stalls([], 0.2) == find_stalls([[]], 0.2) == []


def test_only_the_time_during_which_all_tickers_run_counts() -> None:
    assert (
        find_stalls([[0.0, *ticking((900, 1_500))], ticking((900, 1_500)), [0.9, 1.0]], 0.2) == []
    )


def test_the_task_that_fills_the_stall_is_blamed_and_no_bystander() -> None:
    assert culprit(span(1.0, 1.81), TASKS) == "blocking"
    bystanders = {name: one for name, one in TASKS.items() if name != "blocking"}
    assert culprit(span(1.0, 1.81), bystanders) is None
    assert culprit(span(1.0, 1.81), {}) is None


def test_the_longest_gap_counts_every_gap_that_overlaps_the_span() -> None:
    assert abs(longest_gap_s(BLOCKED, span(1.2, 1.3)) - 0.82) < 1e-9
    assert longest_gap_s(BLOCKED, span(2.0, 2.9)) < 0.03
    assert longest_gap_s([], span(0.0, 1.0)) == 0.0


@given(
    st.lists(st.lists(st.floats(0, 10), min_size=1, max_size=30), min_size=1, max_size=4),
    st.floats(0.01, 2),
)
def test_no_ticker_runs_during_a_stall(tickers: list[list[float]], least_s: float) -> None:
    found = find_stalls(tickers, least_s)
    for stall in found:
        assert stall.length_s > least_s
        assert not any(stall.from_s < at_s < stall.to_s for one in tickers for at_s in one)
    assert all(before.to_s <= after.from_s for before, after in pairwise(found))


@given(*(st.floats(0, 10) for _ in range(4)))
def test_overlap_is_a_share_and_symmetric(a: float, b: float, c: float, d: float) -> None:
    one, other = span(*sorted((a, b))), span(*sorted((c, d)))
    assert 0 <= one.overlap(other) <= 1 + 1e-9
    assert abs(one.overlap(other) - other.overlap(one)) < 1e-9
