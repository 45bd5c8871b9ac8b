"""Mutexes show holders and waiting tasks, time out, and vanish when no task uses them."""

from __future__ import annotations

import gc
import threading

from cluster.wait import wait_until
from tasks.lessons.deadlock import observed_locks
from tasks.lessons.deadlock.observed_locks import InProcess


def test_a_look_shows_who_holds_and_who_wants_a_lock() -> None:
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


def test_a_task_that_times_out_neither_holds_nor_wants_the_lock() -> None:
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


def test_locks_vanish_when_no_task_uses_them() -> None:
    locks = InProcess("gone", ["a"])
    assert ("gone", "a") in observed_locks._mutexes
    del locks
    gc.collect()
    assert ("gone", "a") not in observed_locks._mutexes
