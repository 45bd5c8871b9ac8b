"""Measures a group of workers over a fixed time while tasks are always waiting for it.

A trial so takes the same time whatever the throughput is. A task that runs only partly within the
window counts with that part, so that it does not matter when the window begins and ends.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from cluster.footprint import MemoryWatch, cpu_s
from lab.project.sending import CallSender
from lab.project.workers import Group
from lab.session.session import Session
from producer.queues import drain
from producer.records import Record, RecordReader
from tasks.errors import WorkerError

#: Seconds between two reads of the records at most.
STEP_S = 0.05
#: Seconds of work that wait in the queue beyond what fills the slots.
AHEAD_S = 0.5
#: Seconds for a worker to give a sign of life after the last task should have ended.
PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What a group of workers did in a window."""

    seconds: float
    tasks: float  # finished, with parts of tasks
    failed: int
    run_s: tuple[float, ...]  # of the tasks that ran in the window, from start to end
    busy: float  # share of the slots that were in use, 0 to 1
    cpu_s: float
    peak_pss_bytes: int
    died: str = ""  # how a worker ended, if one did
    probe_errors: int = 0  # errors in the workers' probes, since the workers have started

    @property
    def rate_per_s(self) -> float:
        """The throughput, in tasks per second."""
        return self.tasks / self.seconds

    @property
    def cpu_s_per_task(self) -> float:
        """CPU seconds per task, of all processes."""
        return self.cpu_s / self.tasks if self.tasks else 0.0


class Measurement:
    """One window on one group: fill, warm up, measure, and wait for what still runs."""

    def __init__(self, session: Session, sender: CallSender, group: Group, run: str) -> None:
        self._session = session
        self._sender = sender
        self._group = group
        self._run = run
        self._reader = RecordReader(session.records)
        self._open: set[str] = set()
        self._ended: list[Record] = []
        self._errors: dict[int, int] = {}  # in the probe, by the pid of its worker
        self._held = group.spec.slots * (1 + group.spec.pool.prefetch_multiplier)

    def measure(self, seconds: float, *, service_s: float, rate_per_s: float) -> Window:
        """Measure for `seconds`; `service_s` and `rate_per_s` are what is expected.

        Raises WorkerError if no task ends for a long time, BrokerError if the broker dies.
        """
        self._top_up(rate_per_s)
        self._warm_up(service_s, rate_per_s)
        begin, cpu_before_s = self._now(), self._cpu_s()
        watches = [MemoryWatch(pid) for pid in self._group.pids]
        for watch in watches:
            watch.__enter__()
        try:
            for _ in self._steps(begin + seconds):
                self._top_up(rate_per_s)
        finally:
            for watch in watches:
                watch.__exit__()
        end = self._now()
        used_s = self._cpu_s() - cpu_before_s
        self._finish(service_s)
        return _window(
            self._ended,
            _Bounds(begin=begin, end=end, slots=self._group.spec.slots),
            used_s=used_s,
            peak_bytes=sum(watch.peak_bytes for watch in watches),
            died="" if self._group.alive else self._group.how_it_ended(),
            probe_errors=sum(self._errors.values()),
        )

    def _warm_up(self, service_s: float, rate_per_s: float) -> None:
        """Wait until about every slot has run a task, within reason."""
        most_s = 3 * service_s + PATIENCE_S
        deadline = self._now() + most_s
        for _ in self._steps(deadline):
            self._top_up(rate_per_s)
            if len(self._ended) >= self._group.spec.slots:
                return
        if not self._ended and self._group.alive:
            raise WorkerError(f"no task has ended on {self._group.node} within {most_s:.0f} s")

    def _finish(self, service_s: float) -> None:
        """Withdraw what still waits, and wait for the tasks that a worker holds."""
        # Once may not be enough: the workers fetch while the queue is emptied.
        self._open.difference_update(drain(self._session.connection, self._group.queue))
        for _ in self._steps(self._now() + 3 * service_s + PATIENCE_S):
            if not self._open:
                return

    def _steps(self, until: float) -> Iterator[None]:
        """Read records until `until` or until a worker dies; yield after each read."""
        while self._now() < until and self._group.alive:
            for batch in self._reader.read(STEP_S):
                if batch.pid in self._group.pids:
                    self._errors[batch.pid] = batch.errors
                for record in batch.records:
                    if record.run == self._run and record.is_end:
                        self._ended.append(record)
                        self._open.discard(record.task_id)
            self._session.cluster.check()
            yield

    def _top_up(self, rate_per_s: float) -> None:
        wanted = self._held + int(rate_per_s * AHEAD_S)
        if len(self._open) < wanted:
            count = 2 * wanted - len(self._open)
            self._open |= set(self._sender.send(count, run=self._run, queue=self._group.queue))

    def _now(self) -> float:
        return time.monotonic() + self._session.clock.offset_s

    def _cpu_s(self) -> float:
        return sum(map(cpu_s, self._group.pids))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bounds:
    """A window's begin and end, in seconds by the records' clock, and the slots in it."""

    begin: float
    end: float
    slots: int

    @property
    def seconds(self) -> float:
        return self.end - self.begin

    def overlap_s(self, started: float, finished: float) -> float:
        """Return for how long a task ran in the window; negative if it did not."""
        return min(finished, self.end) - max(started, self.begin)


def _window(
    ended: list[Record],
    bounds: _Bounds,
    *,
    used_s: float,
    peak_bytes: int,
    died: str,
    probe_errors: int,
) -> Window:
    parts, run_s, failed, busy_s = 0.0, [], 0, 0.0
    for record in ended:
        started = record.received if record.started is None else record.started
        overlap_s = bounds.overlap_s(started, record.finished)
        if overlap_s < 0:
            continue
        took_s = record.finished - started
        parts += overlap_s / took_s if took_s > 0 else 1.0
        busy_s += overlap_s
        run_s.append(took_s)
        failed += record.outcome != "succeeded"
    return Window(
        seconds=bounds.seconds,
        tasks=parts,
        failed=failed,
        run_s=tuple(run_s),
        busy=busy_s / (bounds.seconds * bounds.slots),
        cpu_s=used_s,
        peak_pss_bytes=peak_bytes,
        died=died,
        probe_errors=probe_errors,
    )
