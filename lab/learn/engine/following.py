"""How a lesson waits for its tasks, and turns their records into what it shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from lab.format.words import duration
from lab.learn.engine.open_scene import OpenScene
from lab.learn.engine.pending import PendingTasks
from lab.learn.engine.scene_run import SceneRun, TaskRun, task
from lab.measure.follow import follow
from lab.session.session import Session
from producer.records import Record, RecordReader
from tasks.errors import PoolwiseError, WorkerError

#: Called with a title, how many tasks have ended, and of how many.
OnProgress = Callable[[str, int, int], None]
#: Seconds that an interrupted lesson's tasks get to end on workers that go on running.
ENDING_S: Final = 10.0


class Follower:
    """Follows the tasks of one lesson."""

    def __init__(self, session: Session, pending: PendingTasks, progress: OnProgress) -> None:
        self._app = session.app
        self._cluster = session.cluster
        self._clock = session.server_clock
        self._pending = pending
        self._progress = progress
        self._reader = RecordReader(session.records)

    @property
    def clock_error_s(self) -> float:
        """The worst error that a worker's clock had, in seconds."""
        return self._reader.worst_error_s

    def follow(
        self, scene: OpenScene, slots: Mapping[str, int], timeout_s: float, *, may_fail: bool
    ) -> SceneRun:
        """Wait until every task of `scene` has ended; `slots`: of each worker, by node.

        Raises PoolwiseError if one has not ended in time, or has failed although it must not, or if
        the clock of the records' server has moved since the scene was opened; WorkerError if a
        worker or a server dies; BrokerError if the embedded broker does.
        """
        ended = self._ends(scene, timeout_s)
        if scene.ledger.open:
            raise PoolwiseError(
                f"in the scene {scene.title!r}, {scene.ledger.open} of {len(scene.labels)} tasks "
                f"had not finished after {timeout_s:.0f} s; check whether this machine or the "
                "worker that runs them is busy with something else"
            )
        if moved_s := self._clock.moved_s(scene.clock):
            raise PoolwiseError(
                f"during the scene {scene.title!r}, the clock of the records' server moved by "
                f"{duration(abs(moved_s))}, so its times are wrong; start the lesson again"
            )
        tasks = sorted(
            (self._task(record, scene) for record in ended.values()),
            key=lambda one: one.started_s,
        )
        for one in tasks:
            if one.error and not may_fail:
                raise PoolwiseError(f"{one.label} failed on {one.node}: {one.error}")
        return SceneRun(title=scene.title, tasks=tuple(tasks), slots=dict(slots))

    def await_pending(self) -> None:
        """Wait until the tasks that workers have already taken end, for `ENDING_S` at most."""
        if self._pending.open:
            self._progress("waiting for running tasks to finish", 0, self._pending.open)
        for _ in follow(self._reader, self._pending, (), ENDING_S):
            pass

    def _ends(self, scene: OpenScene, timeout_s: float) -> dict[str, Record]:
        """Return the record of each task's end, by its id."""
        ended: dict[str, Record] = {}
        ledger = scene.ledger
        for step in follow(self._reader, ledger, scene.workers.values(), timeout_s):
            self._cluster.check()
            self._pending.enter(step.records)
            ended |= {record.task_id: record for record in step.ended}
            self._progress(scene.title, len(ended), len(ended) + ledger.open)
            if step.dead is not None:
                raise WorkerError(f"{step.dead.node} died: {step.dead.how_it_ended()}")
        return ended

    def _task(self, record: Record, scene: OpenScene) -> TaskRun:
        meta = self._app.backend.get_task_meta(record.task_id) if scene.results else {}
        return task(record, meta, scene.labels[record.task_id], scene.zero)
