"""Where tasks note what they do, for the tests to see."""

from __future__ import annotations

import os
from functools import cache

import redis


@cache
def notes() -> redis.Redis:
    """Return this process's connection to the server that keeps the notes."""
    return redis.Redis.from_url(os.environ["SHOP_NOTES"])
