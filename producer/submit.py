"""Sends the tasks of a plan to the broker in bulk, each when it is due."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from uuid import uuid4

from celery import Celery
from kombu import Connection

from producer import message_template, one_by_one
from producer.one_message import known_task
from producer.plan import Plan, VariedPlan, Work
from producer.submit_options import SubmitOptions
from worker.probe import Clock

__all__ = [
    "CHUNK",
    "Push",
    "Sender",
    "Submission",
    "SubmitOptions",
    "Submitter",
    "batching",
    "sender",
    "stamping",
]

#: The most messages in one push: enough to save round trips, few enough to stay on time.
CHUNK = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What was submitted, and how punctually."""

    ids: tuple[str, ...]
    started: float  # when the plan started, in seconds by the records' clock
    submit_s: float  # from the start until the broker had the last message
    worst_slip_s: float  # the longest time that a message was sent after it was due
    why_one_by_one: str = ""  # why each was sent with `apply_async`; empty if from a template


#: Sends tasks, given their ids, due times and send time; times are seconds by the records' clock.
Push = Callable[[Sequence[str], Sequence[float], float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """A way to send identical tasks."""

    push: Push
    chunk: int  # the most tasks to give to `push` at once
    why_one_by_one: str = ""  # why each task is sent with `apply_async`; empty if from a template


class Submitter:
    """Sends plans over one connection, each in the fastest way that leaves the messages alike."""

    def __init__(self, app: Celery, connection: Connection, clock: Clock) -> None:
        self._app = app
        self._connection = connection
        self._clock = clock

    def submit(self, plan: Plan | VariedPlan, options: SubmitOptions) -> Submission:
        """Send every task of `plan` when it is due; return once the broker has all of them.

        Raises UsageError if the tasks cannot be sent or measured, redis.RedisError, KombuError or
        OSError if the broker cannot be reached. Messages already sent are not withdrawn.
        """
        if isinstance(plan, VariedPlan):
            return self._submit_varied(plan, options)
        ids = tuple(str(uuid4()) for _ in range(len(plan)))
        way = sender(self._app, self._connection, plan.work, options)
        zero = time.monotonic()
        sent, worst_slip_s = 0, 0.0
        while sent < len(ids):
            elapsed_s = _wait_until(zero + plan.due_s[sent]) - zero
            worst_slip_s = max(worst_slip_s, elapsed_s - plan.due_s[sent])
            stop = min(bisect_right(plan.due_s, elapsed_s, lo=sent), sent + way.chunk)
            start = zero + self._clock.offset_s
            due = [start + due_s for due_s in plan.due_s[sent:stop]]
            way.push(ids[sent:stop], due, start + elapsed_s)
            sent = stop
        return Submission(
            ids=ids,
            started=zero + self._clock.offset_s,
            submit_s=time.monotonic() - zero,
            worst_slip_s=worst_slip_s,
            why_one_by_one=way.why_one_by_one,
        )

    def _submit_varied(self, plan: VariedPlan, options: SubmitOptions) -> Submission:
        """Send the tasks in their order; neighbours that are the same one are sent together."""
        ids = tuple(str(uuid4()) for _ in range(len(plan)))
        ways: dict[int, Sender] = {}
        for work in plan.works:
            if id(work) not in ways:
                ways[id(work)] = sender(self._app, self._connection, work, options)
        zero = time.monotonic()
        start = zero + self._clock.offset_s
        sent, elapsed_s = 0, 0.0
        for key, same in groupby(map(id, plan.works)):
            end = sent + sum(1 for _ in same)
            while sent < end:
                stop = min(end, sent + ways[key].chunk)
                elapsed_s = time.monotonic() - zero
                ways[key].push(ids[sent:stop], [start] * (stop - sent), start + elapsed_s)
                sent = stop
        return Submission(
            ids=ids,
            started=start,
            submit_s=time.monotonic() - zero,
            worst_slip_s=elapsed_s,
            why_one_by_one=next((way.why_one_by_one for way in ways.values()), ""),
        )


def sender(app: Celery, connection: Connection, work: Work, options: SubmitOptions) -> Sender:
    """Return the fastest way to send tasks of `work` that puts the same messages in the queue.

    Raises UsageError if the task is not known, cannot be sent or cannot be measured.
    """
    known_task(app, work, options)
    why = one_by_one.reason(app, connection, work)
    if not why:
        try:
            return Sender(push=stamping(app, connection, work, options), chunk=CHUNK)
        except message_template.NoTemplateError as error:
            why = str(error)
    push = batching(app, connection, work, options)
    return Sender(push=push, chunk=one_by_one.CHUNK, why_one_by_one=why)


def stamping(app: Celery, connection: Connection, work: Work, options: SubmitOptions) -> Push:
    """Return the fast way: fill in a message template, and push up to `CHUNK` messages at once.

    Raises UsageError if the task cannot be sent or measured, NoTemplateError if no template can
    replace its messages.
    """
    form = message_template.make(app, connection, work, options)
    channel: Any = connection.default_channel

    def push(ids: Sequence[str], due: Sequence[float], sent: float) -> None:
        with channel.conn_or_acquire() as client:
            client.lpush(form.key, *form.stamp(ids, due, sent))

    return push


def batching(app: Celery, connection: Connection, work: Work, options: SubmitOptions) -> Push:
    """Return the general way: `apply_async` for each task, in kombu's batches.

    Raises UsageError if the task cannot be sent.
    """
    return one_by_one.OneByOne(app, connection, work, options).push


def _wait_until(instant: float) -> float:
    """Sleep until the monotonic clock shows `instant`, and return what it shows."""
    while (now := time.monotonic()) < instant:
        time.sleep(instant - now)
    return now
