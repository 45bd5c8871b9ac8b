"""Registers this process as an owner of messages, and renews that while it lives."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from celery.worker import state

from worker.delivery.keys import OWNER, Keys
from worker.delivery.limits import ALIVE_S
from worker.delivery.scripts import BEAT, FORGET


class ThisProcess:
    """The process that consumes; its forked children do not."""

    pid = os.getpid()
    node = ""
    #: Whether the worker shuts down.
    stopping = False
    #: Called once the process is registered for the first time.
    then: Callable[[], None] | None = None


def enter(client: Any, keys: Keys) -> None:
    """Register this process before it can hold a message; do nothing in its children."""
    if os.getpid() != ThisProcess.pid:
        return
    register(client, keys)
    then, ThisProcess.then = ThisProcess.then, None
    if then is not None:
        then()


def register(client: Any, keys: Keys) -> list[str]:
    """Renew the registration; return the owners that have not renewed theirs in time."""
    names = (keys.owners, keys.alive(OWNER))
    alive_ms = int(ALIVE_S * 1_000)
    missing = client.eval(
        BEAT, len(names), *names, OWNER, ThisProcess.node, alive_ms, keys.alive("")
    )
    return [owner.decode() for owner in missing]


def forget(client: Any, keys: Keys, owner: str) -> bool:
    """End the registration of a dead owner that holds nothing; return whether that was so."""
    names = (
        *(keys.owners, keys.alive(owner)),
        *(keys.held(owner), keys.index_of(owner), keys.started(owner)),
    )
    return bool(client.eval(FORGET, len(names), *names, owner))


def leave(client: Any, keys: Keys) -> None:
    """Let others restore at once what this process still holds, as it ends.

    If it was told to end, its tasks have not killed it.
    """
    celery: Any = state
    if celery.should_stop is not None or celery.should_terminate is not None:
        client.delete(keys.started(OWNER))
    client.delete(keys.alive(OWNER))
    forget(client, keys, OWNER)
