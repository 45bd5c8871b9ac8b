"""The Redis server that all workers of a lesson share: Celery's result backend."""

from __future__ import annotations

from typing import Any, Final

import redis

from tasks.celery import app

#: Seconds after which a key expires if the lesson that it belongs to was killed.
KEY_S: Final = 120


def shared() -> redis.Redis:
    """Return a client that the calling thread, greenlet or forked process can use."""
    backend: Any = app.backend
    client: redis.Redis = backend.client
    return client


def write(command: str, key: str, *arguments: str | int, expire_s: int = KEY_S) -> Any:
    """Run a command that writes to `key`, have the key expire in `expire_s`, and return the reply.

    Both happen in one transaction: a key without an expiry would stay if the lesson were killed.
    """
    with shared().pipeline(transaction=True) as step:
        step.execute_command(command, key, *arguments)  # type: ignore[no-untyped-call]
        step.expire(key, expire_s)
        return step.execute()[0]


def number_at(key: str) -> int:
    """Return the whole number that `key` holds; raise ValueError if there is no such key."""
    text = shared().get(key)
    if text is None:
        raise ValueError(f"Redis has no key {key}")
    return int(text)
