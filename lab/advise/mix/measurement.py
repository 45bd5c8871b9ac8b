"""Measures lanes over a fixed time in which they get whole mixes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from lab.advise.mix.feed import Feed
from lab.advise.mix.lanes import Lanes
from lab.project.counting import Window
from lab.project.sending import CallSender
from lab.project.window import Measurement
from lab.session.session import Session

#: Tasks of a lane in a window from which on they are counted on their own.
COUNTED: Final = 10


class MixMeasurement(Measurement):
    """One window on some lanes; its throughput is that of whole mixes, in tasks."""

    def __init__(
        self,
        session: Session,
        calls: CallSender,
        feed: Feed,
        lanes: Lanes,
        run: str,
        left_s: Callable[[], float],
    ) -> None:
        super().__init__(session, calls, lanes, run, left_s)
        self._feed = feed
        self._lanes = lanes
        self._queues: dict[str, str] = {}  # by the id of an open task

    def measure(self, seconds: float, *, service_s: float, rate_per_s: float) -> Window:
        """Measure for `seconds`, and count only as many tasks as belong to whole mixes."""
        window = super().measure(seconds, service_s=service_s, rate_per_s=rate_per_s)
        lanes = [(lane.tasks, lane.weight) for lane in self._lanes.lanes]
        return replace(window, tasks=in_whole_mixes(window.by_task, lanes))

    def _top_up(
        self,
        rate_per_s: float,  # noqa: ARG002 - each lane has its own
        ahead_s: float,
    ) -> None:
        self._queues = {one: self._queues[one] for one in self._open}
        waiting = Counter(self._queues.values())
        sent = self._feed.send(
            {
                lane.group.queue: lane.wanted(ahead_s) - waiting[lane.group.queue]
                for lane in self._lanes.lanes
            }
        )
        self._queues |= sent
        self._open |= sent.keys()


def in_whole_mixes(
    by_task: Mapping[str, float], lanes: Sequence[tuple[frozenset[str], int]]
) -> float:
    """Return how many tasks belong to whole mixes; `lanes` are tasks with their weight together.

    The lane that is furthest behind counts, so that cheap tasks alone bring nothing. A lane with
    few tasks in the window would only bring chance; the feed keeps it in proportion.
    """
    total, size = sum(by_task.values()), sum(weight for _, weight in lanes)
    mixes = [total / size]
    for tasks, weight in lanes:
        if total * weight / size >= COUNTED:
            mixes.append(sum(by_task.get(task, 0.0) for task in tasks) / weight)
    return min(mixes) * size
