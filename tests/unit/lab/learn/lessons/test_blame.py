"""Who kept the turn is named from its neighbours' gaps, and nobody who merely was there."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lab.learn.lessons.coroutines.blame import Span, blamed, stalls, worst_gap_s


def span(from_s: float, to_s: float) -> Span:
    return Span(from_s=from_s, to_s=to_s)


def ticking(*pieces: tuple[int, int]) -> list[float]:
    """Return a turn every 20 ms within each piece, which is given in milliseconds."""
    return [ms / 1_000 for first, last in pieces for ms in range(first, last + 1, 20)]


STARVED = [ticking((0, 1_000), (1_800, 3_000)), ticking((10, 990), (1_810, 2_990))]
TASKS = {"keeper": span(1.0, 1.8), "patient": span(0.0, 3.0), "short": span(2.0, 2.1)}


def test_a_stall_is_when_no_neighbour_had_a_turn() -> None:
    [stall] = stalls(STARVED, 0.2)
    assert stall == span(1.0, 1.8)


def test_neighbours_in_turn_make_no_stall() -> None:
    one, other = ticking((0, 1_000), (1_800, 3_000)), ticking((0, 3_000))
    assert stalls([one, other], 0.2) == []
    assert stalls([], 0.2) == stalls([[]], 0.2) == []


def test_before_all_are_there_and_after_one_has_left_nothing_is_a_stall() -> None:
    assert stalls([[0.0, *ticking((900, 1_500))], ticking((900, 1_500)), [0.9, 1.0]], 0.2) == []


def test_the_task_that_fills_the_stall_is_blamed_not_the_one_that_was_there_all_the_time() -> None:
    assert blamed(span(1.0, 1.81), TASKS) == "keeper"
    innocent = {name: one for name, one in TASKS.items() if name != "keeper"}
    assert blamed(span(1.0, 1.81), innocent) is None
    assert blamed(span(1.0, 1.81), {}) is None


def test_the_longest_wait_for_a_turn_counts_where_it_overlaps() -> None:
    assert abs(worst_gap_s(STARVED, span(1.2, 1.3)) - 0.82) < 1e-9
    assert worst_gap_s(STARVED, span(2.0, 2.9)) < 0.03
    assert worst_gap_s([], span(0.0, 1.0)) == 0.0


@given(
    st.lists(st.lists(st.floats(0, 10), min_size=1, max_size=30), min_size=1, max_size=4),
    st.floats(0.01, 2),
)
def test_within_a_stall_nobody_has_a_turn(neighbours: list[list[float]], least_s: float) -> None:
    found = stalls(neighbours, least_s)
    for stall in found:
        assert stall.length_s > least_s
        assert not any(stall.from_s < at_s < stall.to_s for one in neighbours for at_s in one)
    assert all(before.to_s <= after.from_s for before, after in pairwise(found))


@given(*(st.floats(0, 10) for _ in range(4)))
def test_likeness_is_a_share_and_the_same_both_ways(a: float, b: float, c: float, d: float) -> None:
    one, other = span(*sorted((a, b))), span(*sorted((c, d)))
    assert 0 <= one.likeness(other) <= 1 + 1e-9
    assert abs(one.likeness(other) - other.likeness(one)) < 1e-9
