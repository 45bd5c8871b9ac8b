"""The events of a new worker wait, and no others."""

from __future__ import annotations

import pytest

from monitor.reading.event_queue import FORGET_S, EventQueue


def taken(queue: EventQueue, now_s: float) -> int:
    """Put an event, and return how many are due."""
    queue.put({"hostname": "a@x"})
    return len(queue.take((), now_s))


@pytest.mark.parametrize("step_s", [FORGET_S + 1, -600.0, -5_000.0])
def test_events_wait_for_a_few_seconds_even_if_the_clock_was_set(step_s: float) -> None:
    queue = EventQueue(5.0)
    assert [taken(queue, 10_000.0 + after_s) for after_s in (0, 4, 6, 7)] == [0, 0, 3, 1]
    then_s = 10_007.0 + step_s
    assert [taken(queue, then_s + after_s) for after_s in (0, 4, 6, 7)] == [0, 0, 3, 1]
