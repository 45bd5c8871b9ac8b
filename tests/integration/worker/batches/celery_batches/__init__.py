"""Stands in for celery-batches, which does not allow the newest Celery.

`Batches` makes the same requests and the same call of the pool, with the same callbacks. The suite
for older Celery tests the probe with the library itself.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from celery import Task
from celery.worker.request import create_request_cls  # type: ignore[attr-defined]
from kombu.utils.imports import symbol_by_name

from .trace import apply_batches_task


class SimpleRequest(NamedTuple):
    """What a batch gets of each message."""

    id: str
    args: tuple[Any, ...]


class Batches(Task):  # type: ignore[type-arg]
    """A task that gets the messages of many calls."""

    abstract = True
    flush_every = 10

    def __init__(self) -> None:
        """Collect messages."""
        self._buffer: list[Any] = []
        self._pool: Any = None

    def Strategy(  # type: ignore[override]  # noqa: N802 - Celery's name
        self, task: Any, app: Any, consumer: Any
    ) -> Any:
        """Return a handler that passes every `flush_every` messages on."""
        self._pool = consumer.pool
        hostname, eventer = consumer.hostname, consumer.event_dispatcher
        plain = symbol_by_name(task.Request)
        make = create_request_cls(plain, task, consumer.pool, hostname, eventer, app=app)

        def handler(
            message: Any, _body: Any, ack: Any, reject: Any, _callbacks: Any, **_: Any
        ) -> None:
            self._buffer.append(
                make(
                    message,
                    on_ack=ack,
                    on_reject=reject,
                    app=app,
                    hostname=hostname,
                    eventer=eventer,
                    task=task,
                    body=message.body,
                    headers=message.headers,
                    connection_errors=consumer.connection_errors,
                )
            )
            if len(self._buffer) == self.flush_every:
                requests, self._buffer = self._buffer, []
                self.flush(requests)

        return handler

    def flush(self, requests: Any) -> Any:
        """Run one call for all requests."""
        simple = ([SimpleRequest(one.id, one._payload[0]) for one in requests],)

        def acknowledge(late: bool) -> None:
            for request in requests:
                if bool(request.task.acks_late) is late:
                    request.acknowledge()

        return self._pool.apply_async(
            apply_batches_task,
            (self, simple, 0, None),
            accept_callback=lambda _pid, _time_accepted: acknowledge(late=False),
            callback=lambda _result: acknowledge(late=True),
        )
