"""Measures a group of workers over a fixed time while tasks are always waiting for it.

A trial so takes the same time whatever the throughput is. A task that runs only partly within the
window counts with that part, so that it does not matter when the window begins and ends.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Protocol

from cluster.footprint import MemoryWatch, cpu_s
from lab.project.counting import Bounds, Window, counted, duration_s
from lab.project.sending import CallSender
from lab.project.supply import Fetching, filling, running
from lab.session.session import Session
from producer.queues import drain
from producer.records import Record, RecordReader
from tasks.errors import WorkerError

#: Seconds between two reads of the records at most.
STEP_S = 0.05
#: Seconds for a worker to give a sign of life after the last task should have ended.
PATIENCE_S = 10.0
#: Seconds of a window, and of a wait beyond the run time of a task, even if no time is left.
LEAST_S = 1.0


class Measurable(Fetching, Protocol):
    """Running workers that can be measured; they may share queues."""

    node: str  # the name of one of them

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues that they consume from, that of the sender first."""

    @property
    def pids(self) -> tuple[int, ...]:
        """The main process of each worker."""

    @property
    def alive(self) -> bool:
        """Whether all of them run."""

    def how_it_ended(self) -> str:
        """Say how the first one ended that did."""


class Measurement:
    """One window on one group: fill, warm up, measure, and wait for what still runs."""

    def __init__(
        self,
        session: Session,
        sender: CallSender,
        group: Measurable,
        run: str,
        left_s: Callable[[], float] = lambda: math.inf,
    ) -> None:
        """`left_s` returns the seconds that are left for everything, 0 if none are."""
        self._session = session
        self._sender = sender
        self._group = group
        self._run = run
        self._left_s = left_s
        self._reader = RecordReader(session.records)
        self._open: set[str] = set()
        self._retries: set[str] = set()  # tasks that have asked for one, and not yet run again
        self._ended: list[Record] = []
        self._errors: dict[int, int] = {}  # in the probe, by the pid of its worker

    def measure(self, seconds: float, *, service_s: float, rate_per_s: float) -> Window:
        """Measure for `seconds`; `service_s` and `rate_per_s` are what is expected.

        If too little time is left, the window is shorter, and the tasks that still run at its end
        get about as long as the longest one took. Those that need more do not count.

        Raises WorkerError if no task ends for a long time, BrokerError if the broker dies.
        """
        clock = self._session.server_clock.settled()
        self._warm_up(service_s, rate_per_s, service_s + seconds)
        begin, cpu_before_s = self._now(), self._cpu_s()
        watches = [MemoryWatch(pid) for pid in self._group.pids]
        for watch in watches:
            watch.__enter__()
        try:
            until = begin + self._in_time(seconds, LEAST_S)
            for _ in self._steps(until):
                self._top_up(rate_per_s, until - self._now())
        finally:
            for watch in watches:
                watch.__exit__()
        end = self._now()
        used_s = self._cpu_s() - cpu_before_s
        self._finish(service_s)
        window = counted(
            self._ended,
            Bounds(begin=begin, end=end, slots=self._group.slots),
            used_s=used_s,
            peaks=tuple(watch.peak_bytes for watch in watches),
            died="" if self._group.alive else self._group.how_it_ended(),
            probe_errors=sum(self._errors.values()),
        )
        return replace(
            window,
            left=len(self._open | self._retries),
            clock_moved_s=self._session.server_clock.moved_s(clock),
        )

    def _warm_up(self, service_s: float, rate_per_s: float, ahead_s: float) -> None:
        """Wait until about every slot has run a task, within reason.

        `ahead_s` is for how long tasks will be needed.
        """
        self._top_up(rate_per_s, ahead_s)
        most_s = self._in_time(3 * service_s + PATIENCE_S, 1.5 * service_s + LEAST_S)
        deadline = self._now() + most_s
        for _ in self._steps(deadline):
            if len(self._ended) >= self._group.slots:
                return
            self._top_up(rate_per_s, ahead_s)
        if not self._ended and self._group.alive:
            fix = "calls that take less time" if self._left_s() else "more time (--budget)"
            raise WorkerError(
                f"no task has ended on {self._group.node} within {most_s:.0f} s: try {fix}"
            )

    def _finish(self, service_s: float) -> None:
        """Withdraw what still waits, and wait for the tasks that a worker holds."""
        # Once may not be enough: the workers fetch while the queue is emptied.
        for queue in self._group.queues:
            withdrawn = drain(self._session.connection, queue)
            self._open.difference_update(withdrawn)
            self._retries.difference_update(withdrawn)
        rounds = 1 + self._group.held / self._group.slots
        longest_s = max(map(duration_s, self._ended), default=service_s)
        most_s = self._in_time(rounds * service_s + PATIENCE_S, longest_s + LEAST_S)
        for _ in self._steps(self._now() + most_s):
            if not self._open:
                return

    def _in_time(self, seconds: float, least_s: float) -> float:
        """Return as much of these seconds as is left, but not less than `least_s` of them."""
        return min(seconds, max(self._left_s(), least_s))

    def _steps(self, until: float) -> Iterator[None]:
        """Read records until `until` or until a worker dies; yield after each read."""
        while self._now() < until and self._group.alive:
            for batch in self._reader.read(STEP_S):
                if batch.pid in self._group.pids:
                    self._errors[batch.pid] = batch.errors
                for record in batch.records:
                    if record.run == self._run and record.ends_run:
                        self._note(record)
            self._session.cluster.check()
            yield

    def _note(self, record: Record) -> None:
        self._ended.append(record)
        self._open.discard(record.task_id)
        if record.outcome == "retried":
            self._retries.add(record.task_id)
        else:
            self._retries.discard(record.task_id)

    def _top_up(self, rate_per_s: float, ahead_s: float) -> None:
        """Send tasks for `ahead_s` seconds at most."""
        least = filling(self._group, rate_per_s, ahead_s)
        if len(self._open) < least:
            most = min(2 * least, running(self._group, rate_per_s, ahead_s))
            count = most - len(self._open)
            self._open |= set(self._sender.send(count, run=self._run, queue=self._group.queues[0]))

    def _now(self) -> float:
        return time.monotonic() + self._session.clock.offset_s

    def _cpu_s(self) -> float:
        return sum(map(cpu_s, self._group.pids))
