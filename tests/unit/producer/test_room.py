"""A full queue gets a steady trickle instead of nothing for long and then much at once."""

from __future__ import annotations

import pytest

from producer.room import MOST_WAITING, Room


def room() -> tuple[Room, list[str]]:
    said: list[str] = []
    return Room(["a", "b"], on_full=said.append), said


def test_a_queue_with_room_gets_all_and_the_others_do_not_matter() -> None:
    one, said = room()
    one.measured({"a": 0, "b": MOST_WAITING})
    assert one.take("a", 300) == 300
    assert one.take("b", 300) == 0
    assert (dict(one.skipped), said) == ({"b": 300}, ["b"])


@pytest.mark.parametrize("served_per_s", [0, 100, 333])
def test_an_overloaded_queue_stays_full_and_gets_what_its_workers_finish(served_per_s: int) -> None:
    one, said = room()
    waiting, sent = 0, []
    for _second in range(60):
        one.measured({"a": waiting})
        sent.append(sum(one.take("a", 1) for _ in range(1_000)))
        waiting = max(0, waiting + sent[-1] - served_per_s)
        assert waiting <= MOST_WAITING
    assert sent[10:] == [served_per_s] * 50
    assert said == ["a"]
    assert sum(sent) + one.skipped["a"] == 60_000


def test_a_queue_is_reported_again_only_after_it_was_half_empty() -> None:
    one, said = room()
    for waiting in (MOST_WAITING, MOST_WAITING - 1, MOST_WAITING):
        one.measured({"a": waiting})
        one.take("a", 2)
    assert said == ["a"]
    one.measured({"a": MOST_WAITING // 2})
    assert not one.full
    one.take("a", MOST_WAITING)
    assert said == ["a", "a"]
