"""A cycle is found where there is one, and only there."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from lab.learn.lessons.deadlock.wait_graph import Sight, cycle, stalls
from lab.results.lesson import Wait

CIRCLE = (Wait(who="x", what="b", holder="y"), Wait(who="y", what="a", holder="x"))
GRAPHS = st.tuples(
    st.dictionaries(st.sampled_from("abcdefg"), st.sampled_from("tuvwxyz")),
    st.dictionaries(st.sampled_from("tuvwxyz"), st.sampled_from("abcdefg")),
)


def sight(at_s: float, holders: Mapping[str, str], wants: Mapping[str, str]) -> Sight:
    return Sight(at_s=at_s, holders=holders, wants=wants)


def crossed(at_s: float) -> Sight:
    return sight(at_s, {"a": "x", "b": "y"}, {"x": "b", "y": "a"})


def calm(at_s: float) -> Sight:
    return sight(at_s, {"a": "x"}, {"y": "a"})


def test_two_who_want_what_the_other_has() -> None:
    assert cycle(crossed(0.0)) == CIRCLE


def test_who_waits_for_a_circle_is_no_part_of_it() -> None:
    seen = sight(0.0, {"a": "x", "b": "y"}, {"first": "a", "x": "b", "y": "a"})
    assert cycle(seen) == CIRCLE


def test_who_waits_for_a_lock_of_its_own_is_a_circle_alone() -> None:
    assert cycle(sight(0.0, {"a": "x"}, {"x": "a"})) == (Wait(who="x", what="a", holder="x"),)


def test_a_lock_that_nobody_has_keeps_nobody() -> None:
    assert cycle(sight(0.0, {"a": "x"}, {"x": "b", "y": "a"})) == ()


@given(GRAPHS)
def test_every_step_of_a_cycle_was_seen_and_it_closes(
    graph: tuple[dict[str, str], dict[str, str]],
) -> None:
    holders, wants = graph
    way = cycle(sight(0.0, holders, wants))
    for wait, after in zip(way, [*way[1:], *way[:1]], strict=True):
        assert wants[wait.who] == wait.what
        assert holders[wait.what] == wait.holder == after.who
    assert len({wait.who for wait in way}) == len(way)


@given(GRAPHS)
def test_there_is_a_cycle_where_taking_away_those_who_can_go_on_leaves_some(
    graph: tuple[dict[str, str], dict[str, str]],
) -> None:
    holders, wants = graph
    stuck = set(wants)
    while free := {who for who in stuck if holders.get(wants[who]) not in stuck}:
        stuck -= free
    assert bool(cycle(sight(0.0, holders, wants))) == bool(stuck)


def test_a_stall_lasts_from_the_first_sight_to_the_next_without_it() -> None:
    [stall] = stalls([calm(0.0), crossed(1.0), crossed(2.0), calm(3.5)], 5.0, 0.1)
    assert (stall.waits, stall.from_s, stall.to_s) == (CIRCLE, 1.0, 3.5)


def test_the_last_sight_holds_to_the_end() -> None:
    [stall] = stalls([calm(0.0), crossed(1.0)], 5.0, 0.1)
    assert stall.to_s == 5.0


def test_a_circle_gone_at_the_next_look_is_no_stall() -> None:
    assert stalls([crossed(0.0), calm(0.01)], 5.0, 0.1) == []


def test_two_stalls_are_two() -> None:
    seen = [crossed(0.0), calm(1.0), crossed(2.0), calm(3.0)]
    assert [stall.from_s for stall in stalls(seen, 4.0, 0.1)] == [0.0, 2.0]


def test_nothing_seen_is_no_stall() -> None:
    assert stalls([], 1.0, 0.1) == []
