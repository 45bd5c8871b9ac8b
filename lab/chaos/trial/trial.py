"""A trial: a broker, workers and a load of their own, in which one fault is injected repeatedly."""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil
import redis

from cluster.broker import AppendOnly
from cluster.local import LocalCluster
from cluster.process import Child
from cluster.reaper import Reaper
from cluster.workers import RunningWorker, WorkerSpec, start_workers
from lab.chaos.network.link import Link, start_link
from lab.chaos.trial.book import Book
from lab.chaos.trial.broker import TrialBroker, port_of
from lab.chaos.trial.delivery import Delivery
from lab.chaos.trial.feeder import Feeder, Load
from lab.chaos.trial.waiting import Waiting
from tasks.celery import app
from tasks.chaos.ledger import VARIABLE, Reader
from worker.pools import Pool
from worker.probe import URL_VARIABLE

#: The queue of a trial, and the slots of each of its workers.
QUEUE: Final = "chaos"
SLOTS: Final = 4
WORKERS: Final = 2
#: How long a task takes, in seconds: short, so that workers fetch messages all the time.
TASK_S: Final = 0.1
#: Messages that wait in the queue, for each slot.
AHEAD_PER_SLOT: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialSpec:
    """What a trial needs to know before it starts."""

    name: str  # unique in the run
    pool: Pool
    delivery: Delivery
    append_only: AppendOnly = "everysec"
    stops_all: bool = False  # whether its fault stops all workers, rather than one
    workers: int = WORKERS
    task_s: float = TASK_S
    tasks: int | None = None  # how many to send, all at once; None: as long as the trial runs
    linked: bool = False  # whether each worker reaches the broker over a link of its own
    seed: int = 1
    flags: tuple[str, ...] = ()  # further flags of its workers
    env: Mapping[str, str] = field(default_factory=dict)
    launcher: tuple[str, ...] = (sys.executable, "-m", "celery")  # what runs `celery`


@dataclass(slots=True)
class TrialWorker:
    """A worker of a trial."""

    running: RunningWorker

    @property
    def child(self) -> Child:
        """Its process."""
        return self.running.child

    def pids(self) -> frozenset[int]:
        """Return the ids of its main process and of the processes of its pool."""
        with suppress(psutil.Error):
            main = psutil.Process(self.child.pid)
            return frozenset([main.pid, *(one.pid for one in main.children(recursive=True))])
        return frozenset([self.child.pid])


class Trial(Waiting):
    """The parts of a trial that faults are injected into, and the waiting that they need."""

    def __init__(
        self, spec: TrialSpec, cluster: LocalCluster, folder: Path, stop: threading.Event
    ) -> None:
        super().__init__(spec.name, stop)
        folder.mkdir()
        self.spec = spec
        self.random = random.Random(f"{spec.seed} {spec.name}")  # noqa: S311 - no secret
        self.folder = folder
        self.book = Book(Reader(self.ledger))
        self.workers: list[TrialWorker] = []
        self.ended = 0  # workers that ended and that we did not stop
        self._cluster = cluster
        self._children: list[Child] = []
        self._links: dict[str, Link] = {}  # by the name of the worker
        self._numbers = iter(range(1, 1_000_000))
        self.broker = TrialBroker(folder, cluster.reaper, spec.append_only)
        self.feeder = self._feeder()

    def start(self) -> None:
        """Start the workers and the load; return once every worker runs tasks."""
        self.workers += self._started(self.spec.workers)
        self.feeder.start()
        self.until(lambda: all(map(self.running_in, self.workers)), 30, "no worker runs tasks")

    def link_of(self, worker: TrialWorker) -> Link:
        """Return the link between a worker and the broker, if the trial has links."""
        return self._links[worker.running.spec.name]

    @property
    def ledger(self) -> Path:
        """The file in which tasks note what happens to them."""
        return self.folder / "ledger"

    def running_in(self, worker: TrialWorker) -> dict[str, float]:
        """Return the tasks that a worker runs."""
        return self.book.running(worker.pids())

    def busy_worker(self) -> TrialWorker:
        """Wait for a random moment in which a worker runs tasks; return it."""
        return self.busy()[0]

    def busy(self) -> tuple[TrialWorker, dict[str, float]]:
        """Wait for a random moment in which a worker runs tasks; return it with the tasks."""
        chosen = self.random.choice(self.workers)
        self.pause(self.random.uniform(0, 2 * self.feeder.task_s))
        running: dict[str, float] = {}

        def runs() -> bool:
            running.update(self.running_in(chosen))
            return bool(running)

        self.until(runs, 30, "no worker runs tasks")
        return chosen, running

    def replace_dead(self) -> int:
        """Start a worker for each that has ended, as a supervisor does; return how many."""
        dead = [one for one in self.workers if not one.child.alive]
        for one in dead:
            self.dismiss(one)
        self.ended += len(dead)
        self.workers += self._started(len(dead))
        return len(dead)

    def dismiss(self, worker: TrialWorker) -> None:
        """Forget a worker that has ended, and kill what is left of its group."""
        self.workers.remove(worker)
        worker.child.kill()
        self._children.remove(worker.child)

    def first_starts(self, since_s: float, sent_s: float | None) -> list[float | None]:
        """Return when each worker first started a task since then; see `Book.first_start`."""
        return [self.book.first_start(since_s, one.pids(), sent_s) for one in self.workers]

    def idle(self, since_s: float, sent_s: float | None) -> list[TrialWorker]:
        """Return the workers that have started no such task."""
        starts = self.first_starts(since_s, sent_s)
        return [one for one, at_s in zip(self.workers, starts, strict=True) if at_s is None]

    def replace(self, workers: Sequence[TrialWorker]) -> int:
        """Replace workers that have stopped consuming; return how many tasks they were running."""
        running = sum(len(self.running_in(one)) for one in workers)
        for one in workers:
            one.child.kill()
            self.dismiss(one)
        self.workers += self._started(len(workers))
        return running

    def start_more(
        self, count: int, flags: Sequence[str] = (), launcher: Sequence[str] = ()
    ) -> list[TrialWorker]:
        """Start workers in addition to those that run, as a deployment does.

        `launcher` runs `celery` instead of the trial's own.
        """
        more = self._started(count, flags, launcher)
        self.workers += more
        return more

    def close(self) -> None:
        """Kill every process of the trial."""
        with suppress(RuntimeError):  # it was never started
            self.feeder.stop()
        for child in self._children:
            child.kill()
        self.broker.close()

    def _feeder(self) -> Feeder:
        load = Load(
            queue=QUEUE,
            task_s=self.spec.task_s,
            ahead=AHEAD_PER_SLOT * SLOTS * self.spec.workers,
            tasks=self.spec.tasks,
        )
        return Feeder(app, self.broker.url, load, self.book)

    def _started(
        self, count: int, flags: Sequence[str] = (), launcher: Sequence[str] = ()
    ) -> list[TrialWorker]:
        if not count:
            return []
        numbers = [next(self._numbers) for _ in range(count)]
        specs = [self._worker_spec(one, flags, launcher) for one in numbers]
        if self.spec.linked:
            specs = [self._linked(one) for one in specs]
        started = start_workers(
            specs,
            self.folder,
            self._cluster.reaper,
            self._records,
            adopt=self._children.append,
            progress=lambda _ready: self.pause(0),
        )
        return [TrialWorker(one) for one in started]

    @property
    def registry(self) -> Reaper:
        """What ends and removes everything of this run once it has ended."""
        return self._cluster.reaper

    @property
    def _records(self) -> redis.Redis:
        """Return the server that is never hurt."""
        return self._cluster.redis

    def _linked(self, spec: WorkerSpec) -> WorkerSpec:
        """Start a link for a worker; return the worker at its other end."""
        ports = (self.broker.port, port_of(self._cluster.broker_url))
        self._links[spec.name] = link = start_link(
            spec.name, ports, self.folder, self._cluster.reaper, self._children.append
        )
        return link.around(spec)

    def _worker_spec(
        self, number: int, flags: Sequence[str], launcher: Sequence[str]
    ) -> WorkerSpec:
        spec = self.spec
        return WorkerSpec(
            name=f"{spec.name}-{number}",
            pool=spec.pool.name,
            concurrency=spec.pool.fixed_concurrency or SLOTS,
            queues=(QUEUE,),
            broker_url=self.broker.url,
            transport=spec.delivery.transport,
            app=spec.delivery.app,
            include=spec.delivery.modules,
            flags=(*spec.delivery.flags(spec.pool), *spec.flags, *flags),
            env={
                URL_VARIABLE: self._cluster.broker_url,
                VARIABLE: str(self.ledger),
                **spec.env,
            },
            launcher=launcher or spec.launcher,
        )


@contextmanager
def running_trial(
    spec: TrialSpec, cluster: LocalCluster, folder: Path, stop: threading.Event
) -> Iterator[Trial]:
    """Start a trial; on the way out, end everything that it started."""
    trial = Trial(spec, cluster, folder, stop)
    try:
        trial.start()
        yield trial
    finally:
        trial.close()
