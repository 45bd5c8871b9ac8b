"""How a lesson's tasks reach the broker, and are noted as pending before they can run."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any
from uuid import uuid4

from cluster.signals import deferred_signals
from lab.learn.engine.open_scene import OpenScene
from lab.learn.engine.pending import PendingTasks
from lab.learn.engine.scene_run import Call
from lab.learn.engine.traces import Traces
from lab.session.protocols import Worker
from lab.session.session import Session
from producer.plan import Work, burst
from producer.submit import SubmitOptions, Submitter
from worker.probe import HEADER, microseconds


class Sender:
    """Sends the tasks of one lesson."""

    def __init__(self, session: Session, pending: PendingTasks, traces: Traces) -> None:
        self._session = session
        self._pending = pending
        self._traces = traces

    def send(self, scene: OpenScene, calls: Sequence[Call]) -> float:
        """Send tasks, in order, as part of `scene`.

        Returns the instant of the first submission, in seconds by the records' clock.
        """
        session, zero = self._session, 0.0
        submitter = Submitter(session.app, session.connection, scene.clock)
        for _, alike in groupby(calls, key=_message):
            group = list(alike)
            worker = group[0].worker
            options = SubmitOptions(
                run=scene.ledger.run, queue=worker.queue, store_result=scene.results
            )
            with deferred_signals():  # Ctrl-C between sending and noting would leave tasks behind
                sent = submitter.submit(burst(group[0].work, len(group)), options)
                self._traces.forget(*sent.ids)
                self._pending.add(sent.ids, options.queue)
            zero = zero or sent.started
            scene.enter(worker, dict(zip(sent.ids, (call.label for call in group), strict=True)))
        return zero

    def options(
        self,
        scene: OpenScene,
        worker: Worker,
        label: str,
        *,
        by_task: bool = False,
        expected: bool = True,
    ) -> dict[str, Any]:
        """Return options for `apply_async` or a signature that send one task to `worker`.

        The task becomes part of `scene`. `by_task`: another task will send it. The scene does not
        wait for a task that is not `expected`.
        """
        session = self._session
        task_id, now = str(uuid4()), scene.zero + scene.lab.elapsed_s
        # Celery would declare the queue over a connection of its own, and kombu removes a queue's
        # bindings only over the connection that declared it.
        queue = session.app.amqp.queues[worker.queue]
        queue(session.connection.default_channel).declare()
        self._traces.forget(task_id)
        if not by_task:
            self._pending.add([task_id], worker.queue)
        scene.enter(worker, {task_id: label}, expected=expected)
        instant = microseconds(now)
        header = {"run": scene.ledger.run, "due": instant, "sent": instant}
        return {"task_id": task_id, "queue": worker.queue, "headers": {HEADER: header}}


def _message(call: Call) -> tuple[Work, str]:
    return call.work, call.worker.queue
