"""Where a lesson plays: workers, keys in Redis, scenes; and all of it gone when the lesson ends.

It must not know what any lesson shows.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import groupby
from typing import Any, Final

from celery import Celery
from kombu import Connection

from cluster.found import Asking
from cluster.local import LocalCluster, WorkerSpec
from cluster.machine import Machine
from lab.contestants import Entry
from lab.interpreter import Interpreter
from lab.roles import Field
from lab.runners import Runner, Started
from lab.teaching.lesson import Lesson
from lab.teaching.play import Act, Call, Played, act
from lab.teaching.story import Scene
from lab.teaching.telling import Telling
from producer.ledger import Ledger
from producer.plan import Work, burst
from producer.queues import drain, remove
from producer.records import Record, RecordReader
from producer.submit import Order, Submitter
from tasks.errors import PoolwiseError, UsageError, WorkerError
from worker.pools import POOLS
from worker.probe import Clock

#: Seconds that a scene's tasks may take, if the lesson does not say.
SCENE_S: Final = 15.0
#: Seconds after which a key of a lesson that ended without leave is gone.
KEY_S: Final = 120
#: Seconds that tasks of an interrupted lesson get to end on workers that stay.
ENDING_S: Final = 10.0
#: Seconds between two reports of progress.
PROGRESS_S: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A worker that a lesson has started for itself, on this machine."""

    name: str
    pool: str
    slots: int
    flags: Sequence[str] = ()  # further flags of `celery worker`
    env: Mapping[str, str] = field(default_factory=dict)
    python: str = sys.executable


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What every lesson of a run uses."""

    app: Celery
    cluster: LocalCluster
    asking: Asking
    connection: Connection
    clock: Clock
    machine: Machine
    telling: Telling
    python: Interpreter | None  # without the GIL, where one was named and a lesson is for it


class Stage:
    """One lesson's: enter it, play, and leave nothing behind."""

    def __init__(
        self,
        house: House,
        lesson: Lesson,
        run: str,
        cast: Field,
        entries: Mapping[str, Entry],
        dials: Mapping[str, float],
    ) -> None:
        """Do nothing yet; `entries` are the cluster's workers that are to take part, by pool."""
        self.house = house
        self.machine = house.machine
        self.scenes: list[Scene] = []
        self._lesson = lesson
        self._run = run
        self._cast = cast
        self._entries = entries
        self._dials = dials
        self._own: list[Started] = []
        self._queues: list[str] = []
        self._keys: set[str] = set()
        self._ids: list[str] = []  # whose results are to go
        self._pending: dict[str, str] = {}  # tasks that have not ended, and their queues
        self._scenes_played = 0
        self._reader = RecordReader(house.cluster.redis)
        self._slots: dict[str, int] = {}  # by worker

    def open(self) -> None:
        """Have the cluster's workers ready; close() is due from now on, also where this fails.

        Raises WorkerError where one is not to be had.
        """
        self._cast.gather(self._entries.values(), self.house.telling.starting)
        self._slots = {self._cast[entry].node: entry.slots for entry in self._entries.values()}

    @property
    def clock_error_s(self) -> float:
        """The bound of the error of all instants, in seconds."""
        return self.house.clock.error_s + self._reader.worst_error_s

    @property
    def pools(self) -> tuple[str, ...]:
        """Names of the pools that take part, in the lesson's order."""
        return tuple(self._entries)

    def dial(self, name: str) -> float:
        """Return what a dial was turned to."""
        return self._dials[name]

    def count(self, name: str) -> int:
        """Return what a dial of whole numbers was turned to."""
        return int(self._dials[name])

    def worker(self, pool: str) -> Runner:
        """Return the cluster's worker of a pool.

        Raises WorkerError where it has died.
        """
        runner = self._cast[self._entries[pool]]
        if not runner.alive:
            raise WorkerError(f"{runner.node} died: {runner.how_it_ended()}")
        return runner

    def slots(self, pool: str) -> int:
        """Return how many tasks the cluster's worker of a pool runs at once."""
        return self._entries[pool].slots

    def start(self, *wanted: Wanted) -> list[Started]:
        """Start workers for this lesson side by side, each on a queue of its own.

        Raises WorkerError for the first that does not start, UsageError, before any does, where one
        needs a module that is not there.
        """
        for one in wanted:
            module = POOLS[one.pool].needs_module
            if module and one.python == sys.executable and find_spec(module) is None:
                raise UsageError(
                    f"{self._lesson.name} needs {module} for a {one.pool} worker, and it is not "
                    f"installed here: pip install {module}"
                )
        specs = [self._spec(one) for one in wanted]
        self.house.telling.starting(0, len(specs))
        workers = self.house.cluster.start_workers(
            specs, lambda ready: self.house.telling.starting(ready, len(specs))
        )
        started = [Started(worker) for worker in workers]
        self._own += started
        self._slots |= {spec.node: spec.concurrency for spec in specs}
        return started

    def dismiss(self, *workers: Started) -> None:
        """Stop workers that this lesson has started; the others go when it ends."""
        self._own = [worker for worker in self._own if worker not in workers]
        cluster = self.house.cluster
        cluster.stop([worker.child for worker in workers], cluster.grace_s)
        gone = {worker.queue for worker in workers}
        self._pending = {id_: queue for id_, queue in self._pending.items() if queue not in gone}

    def key(self, name: str) -> str:
        """Return a Redis key of this lesson alone; it is deleted when the lesson ends."""
        key = f"poolwise:lesson:{self._run}:{name}"
        self._keys.add(key)
        return key

    def put(self, name: str, value: int | str) -> str:
        """Set a key of this lesson and return it; it also goes by itself, some time later."""
        key = self.key(name)
        self.house.cluster.redis.set(key, value, ex=KEY_S)
        return key

    def get(self, key: str) -> str | None:
        """Return what a key of Redis holds; None where there is none."""
        value = self.house.cluster.redis.get(key)
        return value.decode() if isinstance(value, bytes) else None

    def forget(self, *task_ids: str) -> None:
        """See to it that the results of tasks that were sent by other means do not stay."""
        self._ids += task_ids

    def play(
        self,
        title: str,
        calls: Sequence[Call],
        timeout_s: float = SCENE_S,
        *,
        results: bool = True,
    ) -> Played:
        """Send tasks, in order, and wait until each has ended, or time is up.

        Without `results` none are stored, which costs a worker less: acts have no value then.
        Raises PoolwiseError where one fails, WorkerError where a worker dies.
        """
        self._scenes_played += 1
        ledger = Ledger(f"{self._run}.{self._scenes_played}")
        labels, zero = self._send(calls, ledger, results=results)
        ended = self._follow(title, ledger, calls, timeout_s)
        acts = sorted(
            (
                self._act(record, labels[record.task_id], zero, results=results)
                for record in ended.values()
            ),
            key=lambda one: one.started_s,
        )
        for one in acts:
            if one.error:
                raise PoolwiseError(f"{one.label} failed on {one.node}: {one.error}")
        return Played(
            title=title,
            acts=tuple(acts),
            unfinished=tuple(label for task_id, label in labels.items() if task_id not in ended),
            slots=dict(self._slots),
        )

    def show(self, scene: Scene) -> None:
        """Add a scene to the story, and tell it at once."""
        self.scenes.append(scene)
        self.house.telling.shown(scene)

    def close(self) -> None:
        """Leave nothing behind: no worker of the lesson's, no task, queue, key or result."""
        self._drain()
        self.dismiss(*self._own)
        self._cast.close()
        self._await_ends()
        remove(self.house.connection, self._queues)
        backend: Any = self.house.app.backend
        leftovers = [*self._keys, *(backend.get_key_for_task(task_id) for task_id in self._ids)]
        if leftovers:
            self.house.cluster.redis.delete(*leftovers)

    def _spec(self, wanted: Wanted) -> WorkerSpec:
        queue = f"{self._run}.own.{len(self._queues) + 1}"
        self._queues.append(queue)
        return WorkerSpec(
            name=f"{wanted.name}-{self._lesson.name}",
            pool=wanted.pool,
            concurrency=wanted.slots,
            queues=(queue,),
            broker_url=self.house.cluster.broker_url,
            flags=(*POOLS[wanted.pool].flags, *wanted.flags),
            env=wanted.env,
            python=wanted.python,
        )

    def _send(
        self, calls: Sequence[Call], ledger: Ledger, *, results: bool
    ) -> tuple[dict[str, str], float]:
        """Return each task's label by its id, and the instant of the first submission."""
        house = self.house
        submitter = Submitter(house.app, house.connection, house.clock)
        labels: dict[str, str] = {}
        zero = 0.0
        for _, alike in groupby(calls, key=_sending):
            group = list(alike)
            order = Order(run=ledger.run, queue=group[0].worker.queue, store_result=results)
            sent = submitter.submit(burst(group[0].work, len(group)), order)
            zero = zero or sent.started
            self._ids += sent.ids if results else ()
            self._pending |= dict.fromkeys(sent.ids, order.queue)
            ledger.submit(sent.ids)
            labels |= zip(sent.ids, (call.label for call in group), strict=True)
        return labels, zero

    def _follow(
        self,
        title: str,
        ledger: Ledger,
        calls: Sequence[Call],
        timeout_s: float,
    ) -> dict[str, Record]:
        """Return the record of each task's end by its id."""
        ended: dict[str, Record] = {}
        workers = list({call.worker.node: call.worker for call in calls}.values())
        deadline = time.monotonic() + timeout_s
        while ledger.open and time.monotonic() < deadline:
            ended |= {record.task_id: record for record in ledger.enter(self._read())}
            self.house.telling.playing(title, len(calls) - ledger.open, len(calls))
            for worker in workers:
                if ledger.open and not worker.alive:
                    raise WorkerError(f"{worker.node} died: {worker.how_it_ended()}")
        return ended

    def _act(self, record: Record, label: str, zero: float, *, results: bool) -> Act:
        meta = self.house.app.backend.get_task_meta(record.task_id) if results else {}
        return act(record, meta, label, zero)

    def _read(self) -> list[Record]:
        """Return what was recorded since the last time, waiting a moment for it."""
        records = [one for batch in self._reader.read(PROGRESS_S) for one in batch.records]
        for record in records:
            if record.is_end:
                self._pending.pop(record.task_id, None)
        return records

    def _drain(self) -> None:
        for queue in (*self._queues, *self._cast.queues):
            for task_id in drain(self.house.connection, queue):
                self._pending.pop(task_id, None)

    def _await_ends(self) -> None:
        """Let the tasks that workers which stay have taken come to their ends."""
        deadline = time.monotonic() + ENDING_S
        while self._pending and time.monotonic() < deadline:
            self._read()


def _sending(call: Call) -> tuple[Work, str]:
    return call.work, call.worker.queue
