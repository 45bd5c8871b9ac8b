"""Measures the throughput of one candidate after another, in workers of its own."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import click

from cluster.footprint import MemoryWatch
from cluster.wait import wait_until
from lab.project.project import Project
from lab.project.sending import CallSender
from lab.project.workers import Group, GroupSpec, ProjectWorkers
from lab.session.session import Session
from producer.plan import Work
from producer.queues import depth, drain
from producer.records import RecordReader
from tasks.errors import WorkerError
from worker.pools import POOLS

#: Concurrencies to measure, by pool; several workers side by side get these as well.
GRID = {
    "prefork": (1, 2, 3, 4, 8, 16, 32),
    "threads": (1, 2, 4, 16, 64, 128, 256),
    "gevent": (1, 4, 16, 64, 128, 256, 512),
}
SIDE_BY_SIDE = (1, 4, 16, 64, 128)
#: Seconds of work that wait in the queue, and that a worker may take to begin.
AHEAD_S, BEGIN_S = 2.0, 30.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """Workers that could be deployed."""

    pool: str
    concurrency: int
    workers: int = 1

    def __str__(self) -> str:
        return f"{self.workers} x {self.pool} {self.concurrency}"


def grid(cores: int, advised: Collection[Candidate], *, alone: bool = False) -> list[Candidate]:
    """Return every candidate to measure, the advised ones among them.

    If a task must be `alone` in its process, the pools that run several in one are no candidates.
    """
    pools = [pool for pool in GRID if not alone or POOLS[pool].parallel_python]
    found = [Candidate(pool, slots) for pool in pools for slots in GRID[pool]]
    if cores > 1 and not alone:
        found += [Candidate(pool, slots, cores) for pool in ("threads", "gevent")
                  for slots in SIDE_BY_SIDE]  # fmt: skip
    return list(dict.fromkeys([*found, *advised]))


class Bench:
    """Starts one candidate at a time, and counts what it does in a window."""

    def __init__(
        self,
        session: Session,
        project: Project,
        work: Sequence[Work],
        *,
        window_s: float,
        memory_bytes: int | None,
    ) -> None:
        self._session = session
        self._workers = ProjectWorkers(session, project)
        self._sender = CallSender(session, work, seed=1)
        self._window_s = window_s
        self._limit = memory_bytes
        self._number = 0

    def rate(self, candidate: Candidate) -> float | None:
        """Return the tasks per second, or None if the candidate does not run or is too large."""
        spec = GroupSpec(
            pool=POOLS[candidate.pool],
            concurrency=candidate.concurrency,
            workers=candidate.workers,
        )
        try:
            group = self._workers.start(spec)
        except WorkerError as error:
            click.echo(f"  {candidate}: {str(error).splitlines()[0]}")
            return None
        try:
            return self._counted(group)
        finally:
            self._workers.stop(group)
            drain(self._session.connection, group.queue)

    def _counted(self, group: Group) -> float | None:
        self._number += 1
        run = f"{self._session.run}.{self._number}"
        counter = _Counter(self._session, self._sender, group, run)
        counter.warm_up()
        with ExitStack() as stack:
            watches = [stack.enter_context(MemoryWatch(pid)) for pid in group.pids]
            begin = counter.now()
            counter.until(begin + self._window_s)
            end = counter.now()
        if self._limit is not None and sum(one.peak_bytes for one in watches) > self._limit:
            return None
        counter.finish()
        return done(counter.spans, begin, end) / (end - begin)


class _Counter:
    """Keeps a queue filled, and notes when each task of one run began and ended."""

    def __init__(self, session: Session, sender: CallSender, group: Group, run: str) -> None:
        self._session, self._sender, self._group, self._run = session, sender, group, run
        self._reader = RecordReader(session.records)
        self.spans: list[tuple[float, float]] = []
        self._last_s = time.monotonic()

    def now(self) -> float:
        """Return the time by the records' clock."""
        return time.monotonic() + self._session.clock.offset_s

    def warm_up(self) -> None:
        """Wait until as many tasks have ended as there are slots, within reason."""
        most_s = time.monotonic() + BEGIN_S
        self._step()
        wait_until(
            lambda: self._step() >= self._group.spec.slots or time.monotonic() > most_s,
            2 * BEGIN_S,
            lambda: WorkerError("no warm-up"),
        )

    def until(self, moment: float) -> None:
        """Count until a moment of the records' clock."""
        while self.now() < moment and self._group.alive:
            self._step()

    def finish(self) -> None:
        """Wait for the tasks that were running when the window closed."""
        drain(self._session.connection, self._group.queue)
        longest_s = max((end - begin for begin, end in self.spans), default=1.0)
        moment = self.now() + 2 * longest_s + 1.0
        while self.now() < moment and self._group.alive:
            self._read()

    def _step(self) -> int:
        self._read()
        queue, slots = self._group.queue, self._group.spec.slots
        per_s = len(self.spans) / max(time.monotonic() - self._last_s, 0.5)
        wanted = 3 * slots + int(AHEAD_S * per_s)
        waiting = depth(self._session.connection, queue)
        if waiting < wanted:
            self._sender.send(2 * wanted - waiting, run=self._run, queue=queue)
        return len(self.spans)

    def _read(self) -> None:
        for batch in self._reader.read(0.05):
            for record in batch.records:
                if record.run == self._run and record.is_end and record.started is not None:
                    self.spans.append((record.started, record.finished))
        self._session.cluster.check()


def done(spans: Sequence[tuple[float, float]], begin: float, end: float) -> float:
    """Return how many tasks were done in a window; one that was partly in it counts partly."""
    inside = ((min(b, end) - max(a, begin), b - a) for a, b in spans)
    return sum(overlap / max(took, 1e-9) for overlap, took in inside if overlap > 0)
