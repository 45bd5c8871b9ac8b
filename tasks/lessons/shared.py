"""The Redis server that all workers of a lesson share: Celery's result backend."""

from __future__ import annotations

from typing import Any

import redis

from tasks.celery import app


def shared() -> redis.Redis:
    """Return a client that the calling thread, greenlet or forked process can use."""
    backend: Any = app.backend
    client: redis.Redis = backend.client
    return client


def number_at(key: str) -> int:
    """Return the whole number that `key` holds; raise ValueError if there is no such key."""
    text = shared().get(key)
    if text is None:
        raise ValueError(f"Redis has no key {key}")
    return int(text)
