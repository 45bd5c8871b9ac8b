"""Installs the delivery of messages in a worker that starts; it is imported by `-I worker.startup`.

With every transport, it changes the requests of the worker's tasks (`worker.delivery.stopped`) and
the pool of a prefork worker (`worker.delivery.finishing_pool`). If the broker is Redis through
kombu's own transport, it also changes that transport's channel, the worker's consumer, and the
requests once more.
"""

from __future__ import annotations

import atexit
import os
from functools import partial
from typing import Any

from celery import bootsteps
from celery.signals import worker_init
from kombu.transport import redis as stock
from kombu.utils.imports import symbol_by_name

from worker.delivery import finishing_pool
from worker.delivery.channel import OwnedChannel
from worker.delivery.consumer import KeepingConsumer
from worker.delivery.heart import Heart
from worker.delivery.limits import most_deaths
from worker.delivery.registration import ThisProcess
from worker.delivery.request import CountedRequest
from worker.delivery.stopped import KeptRequest


class Beating(bootsteps.StartStopStep):
    """Prepares the heart before the consumer connects; it then beats until the process exits."""

    def start(self, parent: Any) -> None:
        """Have it start once the consumer has connected.

        By then, every module that its thread needs is imported. Under gevent, two threads that
        import the same module at once would wait for each other for ever.
        """
        ThisProcess.node = parent.hostname
        ThisProcess.pid = os.getpid()
        stock.Transport.Channel = OwnedChannel
        heart = Heart(parent.app, most_deaths())
        ThisProcess.then = partial(_begin, heart)

    def close(self, parent: Any) -> None:  # noqa: ARG002 - Celery's signature
        """Note that the worker shuts down; every part of it is stopped after that."""
        ThisProcess.stopping = True

    def stop(self, parent: Any) -> None:
        """Do nothing: tasks may still run."""


def _begin(heart: Heart) -> None:
    heart.start()
    atexit.register(_end, heart)


def _end(heart: Heart) -> None:
    if os.getpid() == ThisProcess.pid:
        heart.stop()


@worker_init.connect(dispatch_uid="poolwise-delivery")
def install(sender: Any, **_: Any) -> None:
    """Prepare the worker that is built; nothing runs and no connection is made before it starts."""
    _mix_into_requests(KeptRequest, sender.app)
    finishing_pool.install()
    if sender.app.connection_for_read().get_transport_cls() is not stock.Transport:
        return
    most_deaths()  # reports an invalid value before the worker starts
    sender.app.steps["worker"].add(Beating)
    consumer = symbol_by_name(sender.consumer_cls)
    sender.consumer_cls = type("Consumer", (KeepingConsumer, consumer), {})
    _mix_into_requests(CountedRequest, sender.app)


def _mix_into_requests(mixin: type, app: Any) -> None:
    for task in app.tasks.values():
        plain = symbol_by_name(task.Request)
        if not issubclass(plain, mixin):
            task.Request = type("Request", (mixin, plain), {})
