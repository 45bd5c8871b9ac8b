"""A scene under way knows its tasks, and shows what the process that sends them does."""

from __future__ import annotations

import time

from lab.learn.engine.open_scene import OpenScene
from producer.ledger import Ledger
from tests.unit.lab.learn.engine.sample import scene
from worker.probe import Clock


class Someone:
    """A worker as far as a scene looks at it."""

    node = "threads@here"
    queue = "own"
    pid = None
    same_machine = True
    start_up_s = None
    alive = True

    def how_it_ended(self) -> str:
        return ""


def opened() -> OpenScene:
    return OpenScene(title="a scene", ledger=Ledger("run.1"), clock=Clock(1_000.0, 0.0))


def test_its_clock_is_that_of_the_records() -> None:
    before = time.monotonic()
    begun = opened()
    assert before + 1_000 <= begun.zero <= time.monotonic() + 1_000


def test_what_is_not_expected_is_known_and_not_waited_for() -> None:
    begun = opened()
    begun.enter(Someone(), {"1": "work"})
    begun.enter(Someone(), {"2": "callback"}, expected=False)
    assert begun.ledger.open == 1
    assert begun.labels == {"1": "work", "2": "callback"}
    assert list(begun.workers) == ["threads@here"]


def test_the_lane_of_the_process_that_sends_stands_on_top() -> None:
    begun, below = opened(), scene()
    begun.lab.note("blocked", "get", 0.1, 0.4)
    drawn = begun.with_lab(below, "submits")
    assert [lane.node for lane in drawn.lanes] == ["client", *(lane.node for lane in below.lanes)]
    first, *others = drawn.bars
    assert (first.lane, first.doing, first.what, first.started_s) == (0, "blocked", "get", 0.1)
    assert [bar.lane for bar in others] == [bar.lane + 1 for bar in below.bars]
