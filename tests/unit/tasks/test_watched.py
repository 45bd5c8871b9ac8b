"""A mutex tells who has it and who waits, never waits without a bound, and goes with its users."""

from __future__ import annotations

import gc
import threading

from cluster.wait import wait_until
from tasks.lessons import watched
from tasks.lessons.watched import InProcess


def test_a_look_shows_who_has_what_and_who_waits_for_it() -> None:
    mine, others = InProcess("s", ["a", "b"]), InProcess("s", ["a"])
    assert mine.take("a", "me", 1.0)
    waiting = threading.Thread(target=others.take, args=("a", "you", 5.0))
    waiting.start()
    wait_until(lambda: mine.look()[1], 5, lambda: AssertionError(str(mine.look())))
    assert mine.look() == ({"a": "me"}, {"you": "a"})
    mine.free("a")
    waiting.join(5)
    assert mine.look() == ({"a": "you"}, {})
    others.free("a")


def test_who_loses_patience_has_nothing_and_waits_no_more() -> None:
    mine, others = InProcess("s", ["a"]), InProcess("s", ["a"])
    assert mine.take("a", "me", 1.0)
    assert not others.take("a", "you", 0.01)
    assert mine.look() == ({"a": "me"}, {})
    mine.free("a")


def test_scenes_do_not_share_locks() -> None:
    one, another = InProcess("one", ["a"]), InProcess("another", ["a"])
    assert one.take("a", "me", 1.0)
    assert another.take("a", "you", 0.0)
    one.free("a")
    another.free("a")


def test_locks_that_nobody_uses_any_longer_are_gone() -> None:
    locks = InProcess("gone", ["a"])
    assert ("gone", "a") in watched._mutexes
    del locks
    gc.collect()
    assert ("gone", "a") not in watched._mutexes
