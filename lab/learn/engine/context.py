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
from lab.learn.engine.open_scene import OpenScene
from lab.learn.engine.scene_run import Call, SceneRun, TaskRun, task
from lab.learn.engine.traces import Traces
from lab.race.events import Workers
from lab.results.lesson import Scene
from lab.session.protocols import StartedWorker, Worker
from lab.session.session import Session, WorkerRequest, require
from lab.session.started import PoolConfig
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


class Context:
    """One lesson's: enter it, play, and leave nothing behind."""

    def __init__(
        self,
        session: Session,
        run: str,
        workers: Workers,
        configs: Mapping[str, PoolConfig],
        dials: Mapping[str, float],
    ) -> None:
        """Do nothing yet; `entries` are the cluster's workers that are to take part, by pool."""
        self.session = session
        self.machine = session.machine
        self.traces = Traces(session.cluster.redis, session.app, run)
        self.scenes: list[Scene] = []
        self._run = run
        self._workers = workers
        self._configs = configs
        self._dials = dials
        self._own: list[StartedWorker] = []
        self._queues: list[str] = []
        self._pending: dict[str, str] = {}  # tasks that have not ended, and their queues
        self._scenes_played = 0
        self._reader = RecordReader(session.cluster.redis)
        self._slots: dict[str, int] = {}  # by worker

    def open(self) -> None:
        """Have the cluster's workers ready; close() is due from now on, also where this fails.

        Raises WorkerError where one is not to be had.
        """
        self._workers.prepare(self._configs.values(), self.session.events.starting)
        self._slots = {
            self._workers[config].node: config.slots for config in self._configs.values()
        }

    @property
    def clock_error_s(self) -> float:
        """The bound of the error of all instants, in seconds."""
        return self.session.clock.error_s + self._reader.worst_error_s

    @property
    def pools(self) -> tuple[str, ...]:
        """Names of the pools that take part, in the lesson's order."""
        return tuple(self._configs)

    def dial(self, name: str) -> float:
        """Return what a dial was turned to."""
        return self._dials[name]

    def count(self, name: str) -> int:
        """Return what a dial of whole numbers was turned to."""
        return int(self._dials[name])

    def worker(self, pool: str) -> Worker:
        """Return the cluster's worker of a pool.

        Raises WorkerError where it has died.
        """
        runner = self._workers[self._configs[pool]]
        if not runner.alive:
            raise WorkerError(f"{runner.node} died: {runner.how_it_ended()}")
        return runner

    def slots(self, pool: str) -> int:
        """Return how many tasks the cluster's worker of a pool runs at once."""
        return self._configs[pool].slots

    def start(self, *wanted: WorkerRequest) -> list[StartedWorker]:
        """Start workers for this lesson side by side, each on a queue of its own.

        Raises WorkerError for the first that does not start, UsageError, before any does, where one
        needs a module that is not there.
        """
        for one in wanted:
            if one.python == sys.executable:
                require(POOLS[one.pool])
        specs = [self._spec(one) for one in wanted]
        self.session.events.starting(0, len(specs))
        workers = self.session.cluster.start_workers(
            specs, lambda ready: self.session.events.starting(ready, len(specs))
        )
        started = [StartedWorker(worker) for worker in workers]
        self._own += started
        self._slots |= {spec.node: spec.concurrency for spec in specs}
        return started

    def stop(self, *workers: StartedWorker) -> None:
        """Stop workers that this lesson has started; the others go when it ends."""
        self._own = [worker for worker in self._own if worker not in workers]
        cluster = self.session.cluster
        cluster.stop([worker.child for worker in workers], cluster.grace_s)
        gone = {worker.queue for worker in workers}
        self._pending = {id_: queue for id_, queue in self._pending.items() if queue not in gone}

    def run_scene(
        self,
        title: str,
        calls: Sequence[Call],
        timeout_s: float = SCENE_S,
        *,
        results: bool = True,
    ) -> SceneRun:
        """Send tasks, in order, and wait until each has ended.

        Without `results` none are stored, which costs a worker less: acts have no value then.
        Raises PoolwiseError where one fails or time is up, WorkerError where a worker dies.
        """
        scene = self.open_scene(title, results=results)
        scene.zero = self.send(scene, calls)
        return self.follow(scene, timeout_s)

    def open_scene(self, title: str, *, results: bool = True) -> OpenScene:
        """Begin a scene whose tasks are sent one by one, or by other means; its clock runs."""
        self._scenes_played += 1
        ledger = Ledger(f"{self._run}.{self._scenes_played}")
        return OpenScene(title=title, ledger=ledger, clock=self.session.clock, results=results)

    def send(self, scene: OpenScene, calls: Sequence[Call]) -> float:
        """Send tasks, in order, as a part of `scene`; return the instant of the first submission.

        In seconds by the records' clock.
        """
        session, zero = self.session, 0.0
        submitter = Submitter(session.app, session.connection, session.clock)
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

    def send_options(
        self,
        scene: OpenScene,
        worker: Worker,
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
        self.session.app.amqp.queues[worker.queue](
            self.session.connection.default_channel
        ).declare()
        self.traces.forget(task_id)
        if not by_task:
            self._pending[task_id] = worker.queue
        scene.enter(worker, {task_id: label}, expected=expected)
        instant = microseconds(now)
        header = {"run": scene.ledger.run, "due": instant, "sent": instant}
        return {"task_id": task_id, "queue": worker.queue, "headers": {HEADER: header}}

    def follow(
        self, scene: OpenScene, timeout_s: float = SCENE_S, *, may_fail: bool = False
    ) -> SceneRun:
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
        tasks = sorted(
            (self._act(one, scene) for one in ended.values()),
            key=lambda one: one.started_s,
        )
        for one in tasks:
            if one.error and not may_fail:
                raise PoolwiseError(f"{one.label} failed on {one.node}: {one.error}")
        return SceneRun(
            title=scene.title,
            tasks=tuple(tasks),
            slots=dict(self._slots),
        )

    def show(self, scene: Scene) -> None:
        """Add a scene to the story, and tell it at once."""
        self.scenes.append(scene)
        self.session.events.shown(scene)

    def close(self) -> None:
        """Leave nothing behind: no worker of the lesson's, no task, queue, key or result."""
        with ExitStack() as steps:  # from the last to the first, each also where another fails
            steps.callback(self.traces.erase)
            steps.callback(remove, self.session.connection, self._queues)
            steps.callback(self._await_ends)
            steps.callback(self._workers.close)
            steps.callback(self.stop, *self._own)
            steps.callback(self._drain)

    def _spec(self, wanted: WorkerRequest) -> WorkerSpec:
        queue = f"{self._run}.own.{len(self._queues) + 1}"
        self._queues.append(queue)
        return WorkerSpec(
            name=f"{wanted.name}.own",
            pool=wanted.pool,
            concurrency=wanted.slots,
            queues=(queue,),
            broker_url=self.session.cluster.broker_url,
            flags=(*POOLS[wanted.pool].flags, *wanted.flags),
            env=wanted.env,
            python=wanted.python,
        )

    def _ends(self, scene: OpenScene, timeout_s: float) -> dict[str, Record]:
        """Return the record of each task's end by its id."""
        ended: dict[str, Record] = {}
        ledger, deadline = scene.ledger, time.monotonic() + timeout_s
        while ledger.open and time.monotonic() < deadline:
            ended |= {record.task_id: record for record in ledger.enter(self._read())}
            self.session.events.playing(scene.title, len(ended), len(ended) + ledger.open)
            for worker in scene.workers.values():
                if ledger.open and not worker.alive:
                    raise WorkerError(f"{worker.node} died: {worker.how_it_ended()}")
        return ended

    def _act(self, record: Record, scene: OpenScene) -> TaskRun:
        meta = self.session.app.backend.get_task_meta(record.task_id) if scene.results else {}
        return task(record, meta, scene.labels[record.task_id], scene.zero)

    def _read(self) -> list[Record]:
        """Return what was recorded since the last time, waiting a moment for it."""
        records = [one for batch in self._reader.read(PROGRESS_S) for one in batch.records]
        for record in records:
            if record.is_end:
                self._pending.pop(record.task_id, None)
        return records

    def _drain(self) -> None:
        for queue in (*self._queues, *self._workers.queues):
            for task_id in drain(self.session.connection, queue):
                self._pending.pop(task_id, None)

    def _await_ends(self) -> None:
        """Let the tasks that workers which stay have taken come to their ends."""
        deadline = time.monotonic() + ENDING_S
        if self._pending:
            self.session.events.playing("tasks under way end", 0, len(self._pending))
        while self._pending and time.monotonic() < deadline:
            self._read()


def _sending(call: Call) -> tuple[Work, str]:
    return call.work, call.worker.queue
