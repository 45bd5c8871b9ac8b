"""What tasks that share a gevent worker with a blocking task went through; pure.

It must not know what is concluded from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lab.learn.engine.scene_run import SceneRun, TaskRun
from lab.learn.lessons.coroutines.heartbeats import Heartbeats
from lab.learn.lessons.coroutines.pings import Ping
from lab.learn.lessons.coroutines.stalls import TimeRange, culprit, find_stalls, longest_gap_s

#: Seconds between two turns that a ticker asks for.
EVERY_S: Final = 0.02
#: Seconds without a turn of any ticker that make a stall.
STALL_S: Final = 10 * EVERY_S
#: Seconds between the end of the quiet span and the start of the first blocking task.
MARGIN_S: Final = 0.1

#: Labels of the tasks that are there from the start to the end.
TICKER, PATIENT, WATCH = "ticker", "waits", "watcher"
#: Labels of the tasks that block, and of their fixed versions.
COMPUTES, IN_C = "computes", "C call"
YIELDS, IN_THREAD, IN_PROCESS = "yields", "C call in a thread", "computes in prefork"


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighbourRun:
    """A scene of tickers and other tasks in one worker; seconds since its start."""

    ran: SceneRun
    pings: Sequence[Ping]
    began_at: float  # the scene's start by this process's monotonic clock

    @property
    def turns(self) -> list[list[float]]:
        """The instants of each ticker's turns."""
        return [
            [task.started_s + at_s for at_s in task.value]
            for task in self.ran.tasks
            if task.label.startswith(TICKER)
        ]

    def task(self, label: str) -> TaskRun:
        """Return the one task with a label."""
        [found] = [task for task in self.ran.tasks if task.label == label]
        return found

    def span(self, label: str) -> TimeRange:
        """Return when a task ran, by its own notes."""
        [note] = self.task(label).notes
        return TimeRange(from_s=note.started_s, to_s=note.finished_s)

    @property
    def quiet(self) -> TimeRange:
        """The time after all tickers had started and before the first task blocked."""
        ready_s = max(one[0] for one in self.turns)
        return TimeRange(from_s=ready_s, to_s=self.span(COMPUTES).from_s - MARGIN_S)

    def longest_gap_s(self, span: TimeRange) -> float:
        """Return the longest time that any ticker waited for a turn during `span`."""
        return longest_gap_s(self.turns, span)

    def least_longest_gap_s(self, span: TimeRange) -> float:
        """Return the same for the ticker that waited least."""
        return min(longest_gap_s([one], span) for one in self.turns)

    def slowest_ping_s(self, span: TimeRange) -> float:
        """Return how long the slowest ping took that was unanswered for a part of `span`."""
        return max(
            (
                one.answered_s - one.sent_s
                for one in self.pings
                if one.sent_s < span.to_s and one.answered_s > span.from_s
            ),
            default=0.0,
        )

    def heartbeat_late_s(self, beats: Heartbeats, span: TimeRange) -> float | None:
        """Return how late the heartbeat due during `span` was; None if none was due."""
        return beats.late_s(self.began_at + span.from_s, self.began_at + span.to_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedStall:
    """A stall, and the task that was named as its cause; seconds since the scene's start."""

    span: TimeRange
    by_gaps: str | None  # the task that the gaps between ticks point to
    by_watch: str | None  # the task that the watch in the worker saw running
    samples: int  # that the watch took during the stall
    agreeing: int  # samples that showed this task running
    line: str  # the most frequent line in these samples


def named_stalls(run: NeighbourRun) -> list[NamedStall]:
    """Name the cause of each stall twice: from outside, and from inside the worker."""
    spans = {
        task.label: TimeRange(from_s=task.started_s, to_s=task.finished_s) for task in run.ran.tasks
    }
    return [_named(stall, culprit(stall, spans), run) for stall in find_stalls(run.turns, STALL_S)]


def _named(stall: TimeRange, by_gaps: str | None, run: NeighbourRun) -> NamedStall:
    watch = run.task(WATCH)
    labels = {task.task_id: task.label for task in run.ran.tasks}
    watched = [
        (TimeRange(from_s=watch.started_s + from_s, to_s=watch.started_s + to_s), *rest)
        for from_s, to_s, *rest in watch.value
    ]
    closest = max(watched, key=lambda one: one[0].overlap(stall), default=None)
    if closest is None or not closest[0].shared_s(stall):
        return NamedStall(
            span=stall, by_gaps=by_gaps, by_watch=None, samples=0, agreeing=0, line=""
        )
    _, task_id, line, agreeing, samples = closest
    return NamedStall(
        span=stall,
        by_gaps=by_gaps,
        by_watch=labels.get(task_id),
        samples=samples,
        agreeing=agreeing,
        line=line,
    )
