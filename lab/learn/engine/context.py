"""What a lesson gets to run with: its workers, its dials, and the means to run and show scenes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

from lab.learn.engine.events import LessonEvents
from lab.learn.engine.following import Follower
from lab.learn.engine.open_scene import OpenScene
from lab.learn.engine.own_workers import OwnWorkers, WorkerRequest
from lab.learn.engine.pending import PendingTasks
from lab.learn.engine.scene_run import Call, SceneRun
from lab.learn.engine.sending import Sender
from lab.learn.engine.traces import Traces
from lab.results.lesson import Scene
from lab.session.interpreter import Interpreter
from lab.session.protocols import PoolConfig, Worker, Workers
from lab.session.queues import Queues
from lab.session.session import Session
from lab.session.started import StartedWorker
from producer.ledger import Ledger
from producer.queues import drain
from tasks.errors import WorkerError

#: Seconds that a scene's tasks may take, unless the lesson says otherwise.
SCENE_S: Final = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What one run of a lesson was given."""

    queues: Queues  # of this lesson alone
    configs: Mapping[str, PoolConfig]  # the session's workers that it runs on, by pool
    dials: Mapping[str, float]
    python: Interpreter | None  # without the GIL, if one was named


class Context:
    """One lesson's means; `close` leaves nothing of it behind."""

    def __init__(
        self, session: Session, workers: Workers, setup: Setup, events: LessonEvents
    ) -> None:
        """Prepare nothing yet."""
        self.session = session
        self.machine = session.machine
        self.python = setup.python
        self.scenes: list[Scene] = []
        self._events = events
        self._workers = workers
        self._queues = setup.queues
        self._configs = setup.configs
        self._dials = setup.dials
        self._slots: dict[str, int] = {}  # of each worker, by node
        self._scenes_opened = 0
        self._pending = PendingTasks()
        self.traces = Traces(session.records, session.app, setup.queues.run)
        self._own = OwnWorkers(session.cluster, setup.queues, events.starting)
        self._sender = Sender(session, self._pending, self.traces)
        self._follower = Follower(session, self._pending, events.playing)

    def open(self) -> None:
        """Have the session's workers ready; from now on `close` must be called, even if this fails.

        Raises WorkerError if one cannot be made ready.
        """
        configs = self._configs.values()
        self._workers.prepare(configs, self._events.starting)
        self._slots = {self._workers[config].node: config.concurrency for config in configs}

    @property
    def clock_error_s(self) -> float:
        """The greatest error of any instant in the scenes, in seconds."""
        return self.session.clock.error_s + self._follower.clock_error_s

    @property
    def pools(self) -> tuple[str, ...]:
        """Names of the pools that take part, in the lesson's order."""
        return tuple(self._configs)

    def dial(self, name: str) -> float:
        """Return the value of a dial."""
        return self._dials[name]

    def count(self, name: str) -> int:
        """Return the value of a dial of whole numbers."""
        return int(self._dials[name])

    def worker(self, pool: str) -> Worker:
        """Return the session's worker of a pool.

        Raises WorkerError if it has died.
        """
        worker = self._workers[self._configs[pool]]
        if not worker.alive:
            raise WorkerError(f"{worker.node} died: {worker.how_it_ended()}")
        return worker

    def slots(self, pool: str) -> int:
        """Return how many tasks the session's worker of a pool runs at once."""
        return self._configs[pool].concurrency

    def start(self, *requests: WorkerRequest) -> list[StartedWorker]:
        """Start workers for this lesson side by side, each on a queue of its own.

        Raises WorkerError for the first that does not start, and UsageError, before any is started,
        if a module is missing that one of them needs.
        """
        started = self._own.start(requests)
        slots = (request.slots for request in requests)
        self._slots |= dict(zip((worker.node for worker in started), slots, strict=True))
        return started

    def stop(self, *workers: StartedWorker) -> None:
        """Stop workers that this lesson has started; the others stop when it ends."""
        self._own.stop(workers)
        self._pending.drop_queues({worker.queue for worker in workers})

    def run_scene(
        self,
        title: str,
        calls: Sequence[Call],
        timeout_s: float = SCENE_S,
        *,
        results: bool = True,
    ) -> SceneRun:
        """Send tasks, in order, and wait until each has ended.

        Without `results` no results are stored, which costs a worker less, and tasks have no value.
        Raises PoolwiseError if one fails or the time is up, WorkerError if a worker dies.
        """
        scene = self.open_scene(title, results=results)
        scene.zero = self.send(scene, calls)
        return self.follow(scene, timeout_s)

    def open_scene(self, title: str, *, results: bool = True) -> OpenScene:
        """Open a scene whose tasks are sent one by one, or by other means; its clock runs."""
        self._scenes_opened += 1
        ledger = Ledger(f"{self._queues.run}.{self._scenes_opened}")
        clock = self.session.server_clock.settled()
        return OpenScene(title=title, ledger=ledger, clock=clock, results=results)

    def send(self, scene: OpenScene, calls: Sequence[Call]) -> float:
        """Send tasks as part of a scene; see `Sender.send`."""
        return self._sender.send(scene, calls)

    def send_options(
        self, scene: OpenScene, worker: Worker, label: str, **how: bool
    ) -> dict[str, Any]:
        """Return options to send one task of a scene by Celery's means; see `Sender.options`."""
        return self._sender.options(scene, worker, label, **how)

    def follow(
        self, scene: OpenScene, timeout_s: float = SCENE_S, *, may_fail: bool = False
    ) -> SceneRun:
        """Wait until every task of a scene has ended; see `Follower.follow`."""
        return self._follower.follow(scene, self._slots, timeout_s, may_fail=may_fail)

    def show(self, scene: Scene) -> None:
        """Add a scene to the result, and show it at once."""
        self.scenes.append(scene)
        self._events.shown(scene)

    def close(self) -> None:
        """Leave nothing behind: no worker of the lesson's, no task, queue, key or result."""
        with ExitStack() as steps:  # from the last to the first, each even if another fails
            steps.callback(self._queues.remove)
            steps.callback(self.traces.erase)
            steps.callback(self._follower.await_pending)
            steps.callback(self._workers.close)
            steps.callback(lambda: self.stop(*self._own.all()))
            steps.callback(self._drain)

    def _drain(self) -> None:
        """Take back what no worker has taken yet."""
        for queue in dict.fromkeys((*self._queues.names, *self._workers.queues)):
            self._pending.drop(drain(self.session.connection, queue))
