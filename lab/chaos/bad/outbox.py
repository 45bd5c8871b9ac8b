"""Sends bad messages to the queue of a trial, and waits for what becomes of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from lab.chaos.bad.sent import BadInjected
from lab.chaos.trial.book import Sent
from lab.chaos.trial.leftovers import dead_ids
from lab.chaos.trial.trial import QUEUE, Trial
from producer import broker
from tasks.celery import app
from tasks.chaos import marks
from tasks.errors import BrokerError

#: Seconds in which a worker deals with a message, even on a busy machine.
PATIENCE_S: Final = 20.0
#: The same for a message of which no worker notes that it is gone: they are waited out.
UNSEEN_S: Final = 3.0
#: Seconds between two looks.
LOOK_S: Final = 0.1

#: Sends a message with this id.
Put = Callable[[Trial, str], None]


def sender(put: Put, patience_s: float = PATIENCE_S) -> Callable[[Trial], BadInjected]:
    """Return the fault that sends one message and waits for what becomes of it."""

    def inject(trial: Trial) -> BadInjected:
        trial.busy_worker()
        at_s = time.monotonic()
        task_id = marks.new()
        with reporting(trial):
            put(trial, task_id)
        note(trial, task_id)
        return watched(trial, [task_id], at_s, patience_s)

    return inject


@contextmanager
def reporting(trial: Trial) -> Iterator[None]:
    """Raise BrokerError in place of whatever error a broker that does not answer leads to."""
    try:
        yield
    except Exception as error:
        if not broker.is_broker_fault(error) and not isinstance(error, OSError):
            raise
        raise BrokerError(f"{trial.spec.name}: {broker.reason(error)}") from error


def put_task(
    trial: Trial,
    task_id: str,
    name: str,
    args: Sequence[object] = (),
    **options: Any,
) -> None:
    """Send a task as any producer does, with further options of `send_task`."""
    with broker.connection(app, trial.broker.url) as connection:
        app.send_task(
            name, args, task_id=task_id, producer=connection.Producer(), retry=False,
            ignore_result=True, **{"queue": QUEUE, **options},
        )  # fmt: skip


def put_raw(trial: Trial, text: str) -> None:
    """Put a text into the queue's list, as a program that is not Celery may do."""
    trial.broker.client.lpush(QUEUE, text)


def publish(trial: Trial, body: object, **options: Any) -> None:
    """Send a message through kombu, with properties and headers of our choice."""
    with broker.connection(app, trial.broker.url) as connection:
        connection.Producer().publish(body, routing_key=QUEUE, exchange="", **options)


def note(trial: Trial, task_id: str, not_before_s: float | None = None) -> None:
    """Note the submission of a bad message."""
    now_s = time.monotonic()
    trial.book.add(
        Sent(task_id=task_id, at_s=now_s, known=True, not_before_s=not_before_s, bad=True)
    )


def watched(
    trial: Trial, ids: Collection[str], at_s: float, patience_s: float = PATIENCE_S
) -> BadInjected:
    """Wait until these messages are dealt with, or time is up; replace workers that end."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline and not dealt_with(trial, ids):
        trial.replace_dead()
        trial.pause(LOOK_S)
    trial.book.leave(ids)
    return BadInjected(at_s=at_s, until_s=time.monotonic(), hit=True)


def dealt_with(trial: Trial, ids: Collection[str]) -> bool:
    """Return whether each has ended in some way, or is a dead letter."""
    waiting = trial.book.open().intersection(ids)
    with reporting(trial):
        return not waiting or waiting <= dead_ids(trial.broker.client)
