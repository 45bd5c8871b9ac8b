"""A cycle is found if there is one, and only then; a lasting one is a deadlock."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from lab.learn.lessons.deadlock.wait_graph import WaitGraph, cycle, find_deadlocks
from lab.results.lesson import Wait

CYCLE = (Wait(who="x", what="b", holder="y"), Wait(who="y", what="a", holder="x"))
GRAPHS = st.tuples(
    st.dictionaries(st.sampled_from("abcdefg"), st.sampled_from("tuvwxyz")),
    st.dictionaries(st.sampled_from("tuvwxyz"), st.sampled_from("abcdefg")),
)


def graph(at_s: float, holders: Mapping[str, str], wants: Mapping[str, str]) -> WaitGraph:
    return WaitGraph(at_s=at_s, holders=holders, wants=wants)


def crossed(at_s: float) -> WaitGraph:
    return graph(at_s, {"a": "x", "b": "y"}, {"x": "b", "y": "a"})


def calm(at_s: float) -> WaitGraph:
    return graph(at_s, {"a": "x"}, {"y": "a"})


def test_two_tasks_that_want_each_others_lock_are_a_cycle() -> None:
    assert cycle(crossed(0.0)) == CYCLE


def test_a_task_that_waits_for_a_cycle_is_not_part_of_it() -> None:
    waiting = graph(0.0, {"a": "x", "b": "y"}, {"first": "a", "x": "b", "y": "a"})
    assert cycle(waiting) == CYCLE


def test_a_task_that_waits_for_its_own_lock_is_a_cycle() -> None:
    assert cycle(graph(0.0, {"a": "x"}, {"x": "a"})) == (Wait(who="x", what="a", holder="x"),)


def test_a_free_lock_blocks_no_task() -> None:
    assert cycle(graph(0.0, {"a": "x"}, {"x": "b", "y": "a"})) == ()


@given(GRAPHS)
def test_a_cycle_consists_of_edges_of_the_graph_and_closes(
    drawn: tuple[dict[str, str], dict[str, str]],
) -> None:
    holders, wants = drawn
    found = cycle(graph(0.0, holders, wants))
    for wait, after in zip(found, [*found[1:], *found[:1]], strict=True):
        assert wants[wait.who] == wait.what
        assert holders[wait.what] == wait.holder == after.who
    assert len({wait.who for wait in found}) == len(found)


@given(GRAPHS)
def test_there_is_a_cycle_if_some_tasks_are_left_after_removing_all_that_can_go_on(
    drawn: tuple[dict[str, str], dict[str, str]],
) -> None:
    holders, wants = drawn
    stuck = set(wants)
    while free := {who for who in stuck if holders.get(wants[who]) not in stuck}:
        stuck -= free
    assert bool(cycle(graph(0.0, holders, wants))) == bool(stuck)


def test_a_deadlock_lasts_from_its_first_graph_to_the_next_without_it() -> None:
    [deadlock] = find_deadlocks([calm(0.0), crossed(1.0), crossed(2.0), calm(3.5)], 5.0, 0.1)
    assert (deadlock.waits, deadlock.from_s, deadlock.to_s) == (CYCLE, 1.0, 3.5)


def test_the_last_graph_holds_until_the_end() -> None:
    [deadlock] = find_deadlocks([calm(0.0), crossed(1.0)], 5.0, 0.1)
    assert deadlock.to_s == 5.0


def test_a_cycle_that_is_gone_in_the_next_graph_is_not_a_deadlock() -> None:
    assert find_deadlocks([crossed(0.0), calm(0.01)], 5.0, 0.1) == []


def test_two_deadlocks_are_reported_separately() -> None:
    graphs = [crossed(0.0), calm(1.0), crossed(2.0), calm(3.0)]
    assert [one.from_s for one in find_deadlocks(graphs, 4.0, 0.1)] == [0.0, 2.0]


def test_without_graphs_there_is_no_deadlock() -> None:
    assert find_deadlocks([], 1.0, 0.1) == []
