"""Tasks that outlast the visibility timeout, and very many tasks with an ETA."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any, Final
from uuid import uuid4

import psutil

from lab.chaos.bad.outbox import LOOK_S, note, put_task, reporting, watched
from lab.chaos.bad.sent import BadInjected
from lab.chaos.faults.fault import Fault
from lab.chaos.trial.trial import AHEAD_PER_SLOT, QUEUE, SLOTS, WORKERS, Trial
from tasks.chaos import marks
from tasks.transport_options import VARIABLE

#: The visibility timeout of the workers, in seconds: short, so that a trial takes seconds. They
#: look for messages that are older every second.
TIMEOUT_S: Final = 4
#: Seconds that the long task takes, or waits for its ETA: more than twice the timeout.
LONG_S: Final = 10.0
#: Seconds after the first end in which other copies of the same task may end.
COPIES_S: Final = LONG_S + 2.0
#: Tasks with an ETA that are sent at once, how many in one call, and their ETA in seconds.
MANY: Final = 50_000
CHUNK: Final = 1_000
FAR_S: Final = 3_600
#: Seconds without progress after which the workers will not fetch the rest, and seconds in all.
STUCK_S: Final = 20.0
FETCH_S: Final = 600.0

_SHORT: Final[Mapping[str, str]] = MappingProxyType(
    {
        VARIABLE: json.dumps(
            {
                "visibility_timeout": TIMEOUT_S,
                "unacked_restore_interval": 1,
                "unacked_restore_throttle": 1,
            }
        )
    }
)


def long_task(trial: Trial) -> BadInjected:
    """Send a task that takes longer than the visibility timeout."""
    trial.busy_worker()
    at_s = time.monotonic()
    task_id = marks.new()
    with reporting(trial):
        put_task(trial, task_id, "chaos.work", (LONG_S,))
    note(trial, task_id)
    return _with_copies(trial, task_id, at_s)


def late_eta(trial: Trial) -> BadInjected:
    """Send a task whose ETA is later than the visibility timeout."""
    trial.busy_worker()
    at_s = time.monotonic()
    task_id = marks.new()
    with reporting(trial):
        put_task(trial, task_id, "chaos.take", ("x",), countdown=LONG_S)
    note(trial, task_id, not_before_s=at_s + LONG_S)
    return _with_copies(trial, task_id, at_s)


def many_etas(trial: Trial) -> BadInjected:
    """Send very many tasks with a far ETA, and measure what the workers need to hold them."""
    trial.busy_worker()
    before = _memory_bytes(trial)
    at_s = time.monotonic()
    ahead = AHEAD_PER_SLOT * SLOTS * WORKERS
    with reporting(trial):
        ids = _put_many(trial)
        fetched = _fetched(trial, ahead)
    trial.pause(LOOK_S)
    grown = _memory_bytes(trial) - before
    trial.book.leave(ids)
    return BadInjected(
        at_s=at_s, until_s=time.monotonic(), hit=fetched,
        grown_bytes=max(0, grown),
    )  # fmt: skip


def _fetched(trial: Trial, ahead: int) -> bool:
    """Wait until at most `ahead` messages are queued, as long as the workers fetch more."""
    until_s, least = time.monotonic() + FETCH_S, _waiting(trial)
    while least > ahead:
        fewer = partial(_at_most, trial, least - 1)
        if time.monotonic() > until_s or not trial.within(fewer, STUCK_S):
            return False
        least = min(least - 1, _waiting(trial))
    return True


def _at_most(trial: Trial, number: int) -> bool:
    return _waiting(trial) <= number


def _with_copies(trial: Trial, task_id: str, at_s: float) -> BadInjected:
    """Wait until the task has ended, and until its copies may have ended too."""
    first = watched(trial, [task_id], at_s, LONG_S * 2)
    trial.pause(COPIES_S)
    return replace(first, until_s=time.monotonic())


def _put_many(trial: Trial) -> list[str]:
    """Make one message, and send it under many ids."""
    template_id, client = marks.new(), trial.broker.client
    put_task(
        trial, template_id, "chaos.take", ("x",),
        countdown=FAR_S, queue=TEMPLATE_QUEUE,
    )  # fmt: skip
    made: Any = client.rpop(TEMPLATE_QUEUE)
    tag = json.loads(made)["properties"]["delivery_tag"].encode()
    ids = [marks.new() for _ in range(MANY)]
    for start in range(0, MANY, CHUNK):
        some = ids[start : start + CHUNK]
        client.lpush(
            QUEUE,
            *(_copy(made, template_id, tag, one) for one in some),
        )
        for one in some:
            note(trial, one)
    return ids


def _copy(made: bytes, template_id: str, tag: bytes, task_id: str) -> bytes:
    """Return the message with another task id, and with another delivery tag."""
    copied = made.replace(template_id.encode(), task_id.encode())
    return copied.replace(tag, str(uuid4()).encode())


def _waiting(trial: Trial) -> int:
    return int(trial.broker.client.llen(QUEUE))


def _memory_bytes(trial: Trial) -> int:
    """Return the memory that only the main processes of the workers use."""
    mains = [psutil.Process(one.child.pid) for one in trial.workers]
    return sum(int(one.memory_full_info().uss) for one in mains)


#: The queue that a message passes through to become a template.
TEMPLATE_QUEUE: Final = "chaos-template"

TIMED_TASKS: Final = (
    Fault(
        name="long-task",
        text=f"a task of {LONG_S:g} s, with a visibility timeout of {TIMEOUT_S} s",
        target="message",
        inject=long_task,
        env=_SHORT,
        most=1,
    ),
    Fault(
        name="late-eta",
        text=f"an ETA in {LONG_S:g} s, with a visibility timeout of {TIMEOUT_S} s",
        target="message",
        inject=late_eta,
        env=_SHORT,
        most=1,
    ),
    Fault(
        name="many-etas",
        text=f"{MANY:,} tasks at once with an ETA in an hour: how much memory workers need",
        target="message",
        inject=many_etas,
        most=1,
    ),
)
