"""Starts Celery workers as child processes, with the same `celery` command that users type."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import redis

from cluster.celery_variables import celery_variables
from cluster.process import Child, ChildRegistry
from producer.records import Batch, RecordReader
from tasks.errors import WorkerError
from tasks.transport_options import TRANSPORT_VARIABLE
from worker.probe import URL_VARIABLE

#: Seconds that a worker may take to start. The first one with a Python whose files the machine has
#: to read from a slow disk took up to 31 s; one that ends is noticed at once.
START_S = 60.0
#: Seconds added for each slot, because a prefork worker forks them one after the other.
START_PER_SLOT_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSpec:
    """A worker to start."""

    name: str  # unique in the cluster; the node name is name@poolwise
    pool: str
    concurrency: int
    queues: Sequence[str]
    broker_url: str
    events: bool = False
    flags: Sequence[str] = ()  # further flags of `celery worker`
    env: Mapping[str, str] = field(default_factory=dict)
    transport: str = ""  # how it talks to Redis; empty: as the environment says
    launcher: Sequence[str] = (sys.executable, "-m", "celery")  # what runs `celery`
    app: str = "tasks"
    include: Sequence[str] = ("worker.probe", "worker.startup")
    #: Where it is started; None: in the folder of its log, because Celery looks for apps in the
    #: current folder first, and the user's may have a module `tasks` too.
    folder: Path | None = None
    inherits: bool = False  # whether the user's variables for Celery apply to it

    @property
    def node(self) -> str:
        """Its node name in Celery and Flower."""
        return f"{self.name}@poolwise"

    def command(self) -> list[str]:
        """Return its command line, which works in any shell once CELERY_BROKER_URL is set."""
        return [
            *(*self.launcher, "--app", self.app, "worker"),
            *("--pool", self.pool, "--concurrency", str(self.concurrency)),
            *("--queues", ",".join(self.queues), "--hostname", self.node),
            *("--include", ",".join(self.include), "--loglevel", "WARNING"),
            *("--without-gossip", "--without-mingle"),
            *(("--task-events",) if self.events else ()),
            *self.flags,
        ]

    def environment(self) -> dict[str, str]:
        """Return the environment variables that name broker and transport, for records too."""
        urls = celery_variables(self.broker_url, of_project=self.inherits)
        transport = {TRANSPORT_VARIABLE: self.transport} if self.transport else {}
        return {**urls, URL_VARIABLE: "", **transport, **self.env}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningWorker:
    """A started worker that has reported that it consumes messages."""

    spec: WorkerSpec
    child: Child
    start_up_s: float


def start_workers(
    specs: Sequence[WorkerSpec],
    folder: Path,
    registry: ChildRegistry,
    records: redis.Redis,
    *,
    adopt: Callable[[Child], None],
    progress: Callable[[int], None] = lambda _ready: None,
) -> list[RunningWorker]:
    """Start workers in parallel and return them once all have reported that they are ready.

    Each child is passed to `adopt` at once, so that it is stopped even if another fails.
    `progress` receives how many are ready. Raises WorkerError, with the tail of the log, for the
    first worker that dies or is not ready in time.
    """
    reader = RecordReader(records)
    started_s = time.monotonic()
    children = {}
    for spec in specs:
        log = folder / f"worker-{spec.name}.log"
        children[spec.node] = child = Child(
            f"{spec.name} worker",
            spec.command(),
            log=log,
            registry=registry,
            env=spec.environment(),
            cwd=spec.folder or folder,
        )
        adopt(child)
    ready: dict[str, float] = {}
    deadline = started_s + START_S + START_PER_SLOT_S * sum(spec.concurrency for spec in specs)
    while len(ready) < len(specs):
        # Others may start at the same broker.
        for node in children.keys() & _ready_nodes(reader.read(0.1)):
            ready.setdefault(node, time.monotonic() - started_s)
        progress(len(ready))
        _check_alive(children.values())
        late = children.keys() - ready.keys()
        if late and time.monotonic() > deadline:
            raise WorkerError(children[late.pop()].failed_start(deadline - started_s))
    return [
        RunningWorker(spec=spec, child=children[spec.node], start_up_s=ready[spec.node])
        for spec in specs
    ]


def _ready_nodes(batches: Iterable[Batch]) -> set[str]:
    return {batch.node for batch in batches if batch.kind == "ready"}


def _check_alive(children: Iterable[Child]) -> None:
    for child in children:
        if not child.alive:
            raise WorkerError(child.failure("died while starting"))
