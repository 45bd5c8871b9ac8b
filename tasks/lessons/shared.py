"""The Redis that all workers of a lesson share: the one that keeps Celery's results."""

from __future__ import annotations

from typing import Any

import redis

from tasks.celery import app


def shared() -> redis.Redis:
    """Return a client, good for any thread, greenlet or forked process that asks."""
    backend: Any = app.backend
    client: redis.Redis = backend.client
    return client


def number_at(key: str) -> int:
    """Return the whole number that `key` holds.

    Raises ValueError where there is none.
    """
    text = shared().get(key)
    if text is None:
        raise ValueError(f"there is no {key}")
    return int(text)
