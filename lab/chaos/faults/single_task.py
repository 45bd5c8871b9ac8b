"""Sends a chosen task among the others of a trial."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from lab.chaos.trial.book import Sent
from lab.chaos.trial.trial import QUEUE, Trial
from producer import broker
from tasks.celery import app
from tasks.errors import BrokerError


def send(trial: Trial, task: str, *arguments: object, delay_s: float | None = None) -> str:
    """Send a task, with an ETA if `delay_s` is given; enter it in the book and return its id.

    Raises BrokerError if the broker does not confirm it.
    """
    task_id = str(uuid4())
    not_before_s = eta = None
    if delay_s is not None:
        not_before_s = time.monotonic() + delay_s
        eta = datetime.now(UTC) + timedelta(seconds=delay_s)
    known = False
    try:
        with broker.connection(app, trial.broker.url) as connection:
            app.send_task(
                task, arguments, task_id=task_id, queue=QUEUE, connection=connection, eta=eta,
                retry=False, ignore_result=True,
            )  # fmt: skip
        known = True
    except Exception as error:
        if not broker.is_broker_fault(error) and not isinstance(error, OSError):
            raise
        raise BrokerError(f"{trial.spec.name}: {broker.reason(error)}") from error
    finally:
        sent = Sent(
            task_id=task_id,
            at_s=time.monotonic(),
            known=known,
            not_before_s=not_before_s,
            kind=task,
        )
        trial.book.add(sent)
    return task_id
