"""The sample project with the probe, whose hooks fail for the tasks that are named after a fault.

Each kind of task exists once for each fault; those of `sound` show that the other tasks of the same
worker are recorded as usual.
"""

from __future__ import annotations

import os
import time
from typing import Any

from celery import Task
from celery.exceptions import Ignore, Reject
from celery.worker.request import Request
from kombu.utils.imports import symbol_by_name

from cluster.wait import wait_until
from tests.integration.worker import sample
from worker import probe

app: Any = sample.app


class OfTasks:
    """Fails for the tasks of one fault, and does the probe's work for the others."""

    def __init__(self, method: str, fault: str) -> None:
        real = getattr(probe._Probed, method)

        def failing(request: Any, *args: Any, **kwargs: Any) -> Any:
            if request._type.startswith(f"{fault}."):
                raise RuntimeError(fault)
            return real(request, *args, **kwargs)

        setattr(probe._Probed, method, failing)


OfTasks("_note", "note")
OfTasks("_outcome", "outcome")


def refusing(attribute: str) -> type:
    """Return a request class that does not keep an attribute of the probe."""

    class Refusing(Request):
        def __setattr__(self, name: str, value: object) -> None:
            if name == attribute:
                raise TypeError(name)
            super().__setattr__(name, value)

    return Refusing


class Final(Request):
    """Does not allow the probe's subclass."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if issubclass(cls, probe._Probed):
            raise TypeError(cls)


#: The faults, and the request class of their tasks.
FAULTS: dict[str, type] = {
    "sound": Request,
    "note": Request,
    "outcome": Request,
    "receipt": refusing("_received_ns"),
    "fate": refusing("_fate"),
    "subclass": Final,
}


def fine() -> int:
    """Succeed."""
    return 1


def fail() -> None:
    """Raise an error."""
    raise ValueError


def ignore() -> None:
    """Store no result."""
    raise Ignore


def retry(self: Any) -> None:
    """Succeed the second time, after the first has stored RETRY, which could replace a success."""
    if not self.request.retries:
        raise self.retry(countdown=0)
    state = self.AsyncResult(self.request.id)
    wait_until(lambda: state.state == "RETRY", 10, TimeoutError)


def requeue(self: Any) -> None:
    """Go back to the queue once."""
    if not self.request.delivery_info["redelivered"]:
        raise Reject(requeue=True)


def limited() -> None:
    """Exceed the hard time limit."""
    time.sleep(60)


def die() -> None:
    """End the process."""
    os._exit(3)


#: The kinds of tasks, with their options.
KINDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "fine": (fine, {}),
    "fail": (fail, {"acks_late": True}),
    "ignore": (ignore, {}),
    "retry": (retry, {"bind": True}),
    "requeue": (requeue, {"bind": True, "acks_late": True}),
    "expired": (fine, {"acks_late": True}),
    "limited": (limited, {"time_limit": 0.5, "acks_late": True}),
    "lost": (die, {"acks_late": True}),
    "lost again": (
        die,
        {
            "acks_late": True,
            "retry_on_worker_lost": True,
            "max_retries": 1,
            "default_retry_delay": 0,
        },
    ),
}
for fault, request in FAULTS.items():
    for kind, (body, options) in KINDS.items():
        app.task(body, name=f"{fault}.{kind}", Request=request, **options)


class Direct(Task):  # type: ignore[type-arg]
    """Has a strategy that makes `task.Request` itself, without Celery's `create_request_cls`."""

    abstract = True

    def Strategy(  # type: ignore[override]  # noqa: N802 - Celery's name
        self, task: Any, app: Any, consumer: Any
    ) -> Any:
        make = symbol_by_name(task.Request)

        def handler(
            message: Any, _body: Any, ack: Any, reject: Any, _callbacks: Any, **_: Any
        ) -> None:
            request = make(
                message,
                on_ack=ack,
                on_reject=reject,
                app=app,
                hostname=consumer.hostname,
                eventer=consumer.event_dispatcher,
                task=task,
                connection_errors=consumer.connection_errors,
                body=message.body,
                headers=message.headers,
            )
            if not request.revoked():
                consumer.on_task_request(request)

        return handler


for kind in ("fine", "fail", "expired"):
    body, options = KINDS[kind]
    app.task(body, name=f"direct.{kind}", base=Direct, **options)
