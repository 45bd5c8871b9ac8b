"""Sends the tasks of a plan to the broker in bulk, each when it is due."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from celery import Celery
from kombu import Connection, Producer

from producer import message_template
from producer.plan import Plan, Work
from worker.probe import HEADER, Clock, microseconds

#: The most messages in one push: enough to save round trips, few enough to stay on time.
CHUNK = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitOptions:
    """Options of a submission."""

    run: str  # the run id, which each record repeats
    queue: str
    store_result: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What was submitted, and how punctually."""

    ids: tuple[str, ...]
    started: float  # when the plan started, in seconds by the records' clock
    submit_s: float  # from the start until the broker had the last message
    worst_slip_s: float  # the longest time that a message was sent after it was due


#: Sends tasks, given their ids, due times and send time; times are seconds by the records' clock.
Push = Callable[[Sequence[str], Sequence[float], float], None]


class Submitter:
    """Sends plans over one connection.

    It uses `stamping` if the transport supports it, otherwise `batching`; the messages are the
    same.
    """

    def __init__(self, app: Celery, connection: Connection, clock: Clock) -> None:
        self._app = app
        self._connection = connection
        self._clock = clock
        self._pusher = stamping if message_template.supports(connection) else batching

    def submit(self, plan: Plan, options: SubmitOptions) -> Submission:
        """Send every task of `plan` when it is due; return once the broker has all of them.

        Raises redis.RedisError or OSError if the broker cannot be reached; messages already sent
        are not withdrawn.
        """
        ids = tuple(str(uuid4()) for _ in range(len(plan)))
        push = self._pusher(self._app, self._connection, plan.work, options)
        zero = time.monotonic()
        sent, worst_slip_s = 0, 0.0
        while sent < len(ids):
            elapsed_s = _wait_until(zero + plan.due_s[sent]) - zero
            worst_slip_s = max(worst_slip_s, elapsed_s - plan.due_s[sent])
            stop = min(bisect_right(plan.due_s, elapsed_s, lo=sent), sent + CHUNK)
            start = zero + self._clock.offset_s
            due = [start + due_s for due_s in plan.due_s[sent:stop]]
            push(ids[sent:stop], due, start + elapsed_s)
            sent = stop
        return Submission(
            ids=ids,
            started=zero + self._clock.offset_s,
            submit_s=time.monotonic() - zero,
            worst_slip_s=worst_slip_s,
        )


def stamping(app: Celery, connection: Connection, work: Work, options: SubmitOptions) -> Push:
    """Return the fast way: fill in a message template, and push up to `CHUNK` messages at once."""
    form = message_template.make(
        app, connection, work, options.queue, options.run, ignore_result=not options.store_result
    )
    channel: Any = connection.default_channel

    def push(ids: Sequence[str], due: Sequence[float], sent: float) -> None:
        with channel.conn_or_acquire() as client:
            client.lpush(form.key, *form.stamp(ids, due, sent))

    return push


def batching(app: Celery, connection: Connection, work: Work, options: SubmitOptions) -> Push:
    """Return the general way: `apply_async` for each task, in kombu's batches."""
    producer: Any = Producer(connection.default_channel)
    task = app.tasks[work.task]

    def push(ids: Sequence[str], due: Sequence[float], sent: float) -> None:
        with producer.batch(max_size=CHUNK):
            for task_id, instant in zip(ids, due, strict=True):
                stamp = {
                    "run": options.run,
                    "due": microseconds(instant),
                    "sent": microseconds(sent),
                }
                headers: Any = {HEADER: stamp}
                task.apply_async(
                    work.args,
                    dict(work.kwargs),
                    task_id=task_id,
                    queue=options.queue,
                    ignore_result=not options.store_result,
                    headers=headers,
                    producer=producer,
                )

    return push


def _wait_until(instant: float) -> float:
    """Sleep until the monotonic clock shows `instant`, and return what it shows."""
    while (now := time.monotonic()) < instant:
        time.sleep(instant - now)
    return now
