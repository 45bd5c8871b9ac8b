"""Where a lesson plays: its workers and its scenes, and all of it gone when the lesson ends.

It must not know what any lesson shows.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import groupby
from typing import Any, Final
from uuid import uuid4

from cluster.local import WorkerSpec
from cluster.signals import held_back
from lab.learn.engine.house import House, Wanted, require
from lab.learn.engine.play import Act, Call, Played, act
from lab.learn.engine.traces import Traces
from lab.learn.engine.under_way import UnderWay
from lab.race.events import Field
from lab.results.lesson import Scene
from lab.session.protocols import Runner, Started
from lab.session.started import Entry
from producer.ledger import Ledger
from producer.plan import Work, burst
from producer.queues import drain, remove
from producer.records import Record, RecordReader
from producer.submit import Order, Submitter
from tasks.errors import PoolwiseError, WorkerError
from worker.pools import POOLS
from worker.probe import HEADER, microseconds

#: Seconds that a scene's tasks may take, if the lesson does not say.
SCENE_S: Final = 15.0
#: Seconds that tasks of an interrupted lesson get to end on workers that stay.
ENDING_S: Final = 10.0
#: Seconds between two reports of progress.
PROGRESS_S: Final = 0.1


class Stage:
    """One lesson's: enter it, play, and leave nothing behind."""

    def __init__(
        self,
        house: House,
        run: str,
        cast: Field,
        entries: Mapping[str, Entry],
        dials: Mapping[str, float],
    ) -> None:
        """Do nothing yet; `entries` are the cluster's workers that are to take part, by pool."""
        self.house = house
        self.machine = house.machine
        self.traces = Traces(house.cluster.redis, house.app, run)
        self.scenes: list[Scene] = []
        self._run = run
        self._cast = cast
        self._entries = entries
        self._dials = dials
        self._own: list[Started] = []
        self._queues: list[str] = []
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
            if one.python == sys.executable:
                require(POOLS[one.pool])
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

    def play(
        self,
        title: str,
        calls: Sequence[Call],
        timeout_s: float = SCENE_S,
        *,
        results: bool = True,
    ) -> Played:
        """Send tasks, in order, and wait until each has ended.

        Without `results` none are stored, which costs a worker less: acts have no value then.
        Raises PoolwiseError where one fails or time is up, WorkerError where a worker dies.
        """
        scene = self.begin(title, results=results)
        scene.zero = self.send(scene, calls)
        return self.follow(scene, timeout_s)

    def begin(self, title: str, *, results: bool = True) -> UnderWay:
        """Begin a scene whose tasks are sent one by one, or by other means; its clock runs."""
        self._scenes_played += 1
        ledger = Ledger(f"{self._run}.{self._scenes_played}")
        return UnderWay(title=title, ledger=ledger, clock=self.house.clock, results=results)

    def send(self, scene: UnderWay, calls: Sequence[Call]) -> float:
        """Send tasks, in order, as a part of `scene`; return the instant of the first submission.

        In seconds by the records' clock.
        """
        house, zero = self.house, 0.0
        submitter = Submitter(house.app, house.connection, house.clock)
        for _, alike in groupby(calls, key=_sending):
            group = list(alike)
            worker = group[0].worker
            order = Order(run=scene.ledger.run, queue=worker.queue, store_result=scene.results)
            with held_back():  # what is sent and not noted would stay behind after Ctrl-C
                sent = submitter.submit(burst(group[0].work, len(group)), order)
                self.traces.forget(*sent.ids)
                self._pending |= dict.fromkeys(sent.ids, order.queue)
            zero = zero or sent.started
            scene.enter(worker, dict(zip(sent.ids, (call.label for call in group), strict=True)))
        return zero

    def post(
        self,
        scene: UnderWay,
        worker: Runner,
        label: str,
        *,
        by_task: bool = False,
        expected: bool = True,
    ) -> dict[str, Any]:
        """Return options of `apply_async`, or a signature's, for one task sent by Celery's means.

        With them it goes to `worker` and is a part of `scene`. `by_task`: a task will send it;
        unless it is `expected`, follow() does not wait for it.
        """
        task_id, now = str(uuid4()), scene.zero + scene.lab.elapsed_s
        # Celery declares it over a connection of its own, and only who has declared it removes all.
        self.house.app.amqp.queues[worker.queue](self.house.connection.default_channel).declare()
        self.traces.forget(task_id)
        if not by_task:
            self._pending[task_id] = worker.queue
        scene.enter(worker, {task_id: label}, expected=expected)
        instant = microseconds(now)
        header = {"run": scene.ledger.run, "due": instant, "sent": instant}
        return {"task_id": task_id, "queue": worker.queue, "headers": {HEADER: header}}

    def follow(
        self, scene: UnderWay, timeout_s: float = SCENE_S, *, may_fail: bool = False
    ) -> Played:
        """Wait until each task of `scene` has ended.

        Raises PoolwiseError where one has not ended by then, or fails that may not, WorkerError
        where a worker dies.
        """
        ended = self._ends(scene, timeout_s)
        if scene.ledger.open:
            raise PoolwiseError(
                f"{scene.title}: {scene.ledger.open} of {len(scene.labels)} tasks had not ended "
                f"after {timeout_s:g} s: is this machine, or that worker, busy with something else?"
            )
        acts = sorted(
            (self._act(one, scene) for one in ended.values()),
            key=lambda one: one.started_s,
        )
        for one in acts:
            if one.error and not may_fail:
                raise PoolwiseError(f"{one.label} failed on {one.node}: {one.error}")
        return Played(
            title=scene.title,
            acts=tuple(acts),
            slots=dict(self._slots),
        )

    def show(self, scene: Scene) -> None:
        """Add a scene to the story, and tell it at once."""
        self.scenes.append(scene)
        self.house.telling.shown(scene)

    def close(self) -> None:
        """Leave nothing behind: no worker of the lesson's, no task, queue, key or result."""
        with ExitStack() as steps:  # from the last to the first, each also where another fails
            steps.callback(self.traces.erase)
            steps.callback(remove, self.house.connection, self._queues)
            steps.callback(self._await_ends)
            steps.callback(self._cast.close)
            steps.callback(self.dismiss, *self._own)
            steps.callback(self._drain)

    def _spec(self, wanted: Wanted) -> WorkerSpec:
        queue = f"{self._run}.own.{len(self._queues) + 1}"
        self._queues.append(queue)
        return WorkerSpec(
            name=f"{wanted.name}.own",
            pool=wanted.pool,
            concurrency=wanted.slots,
            queues=(queue,),
            broker_url=self.house.cluster.broker_url,
            flags=(*POOLS[wanted.pool].flags, *wanted.flags),
            env=wanted.env,
            python=wanted.python,
        )

    def _ends(self, scene: UnderWay, timeout_s: float) -> dict[str, Record]:
        """Return the record of each task's end by its id."""
        ended: dict[str, Record] = {}
        ledger, deadline = scene.ledger, time.monotonic() + timeout_s
        while ledger.open and time.monotonic() < deadline:
            ended |= {record.task_id: record for record in ledger.enter(self._read())}
            self.house.telling.playing(scene.title, len(ended), len(ended) + ledger.open)
            for worker in scene.workers.values():
                if ledger.open and not worker.alive:
                    raise WorkerError(f"{worker.node} died: {worker.how_it_ended()}")
        return ended

    def _act(self, record: Record, scene: UnderWay) -> Act:
        meta = self.house.app.backend.get_task_meta(record.task_id) if scene.results else {}
        return act(record, meta, scene.labels[record.task_id], scene.zero)

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
        if self._pending:
            self.house.telling.playing("tasks under way end", 0, len(self._pending))
        while self._pending and time.monotonic() < deadline:
            self._read()


def _sending(call: Call) -> tuple[Work, str]:
    return call.work, call.worker.queue
