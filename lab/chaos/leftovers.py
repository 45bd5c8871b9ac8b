"""Finds the messages that are still in a broker, wherever a worker or transport put them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

import redis

#: The list of dead letters.
DEAD_KEY: Final = "poolwise:dead"


def left_ids(client: redis.Redis) -> frozenset[str]:
    """Return the task ids of all messages in any list, hash or stream, except dead letters."""
    found: set[str] = set()
    for key in client.scan_iter():
        if key != DEAD_KEY.encode():
            found.update(_ids(value) for value in _values(client, key))
    return frozenset(found - {""})


def dead_ids(client: redis.Redis) -> frozenset[str]:
    """Return the task ids in the list of dead letters."""
    return frozenset(_ids(value) for value in _values(client, DEAD_KEY.encode())) - {""}


def _values(client: Any, key: bytes) -> Iterable[bytes]:
    kind = client.type(key)
    if kind == b"list":
        return list(client.lrange(key, 0, -1))
    if kind == b"hash":
        return list(client.hvals(key))
    if kind == b"zset":
        return list(client.zrange(key, 0, -1))
    return []


def _ids(value: bytes) -> str:
    """Return the task id of a message, also if it is inside another structure."""
    try:
        return next(_found(json.loads(value)), "")
    except (ValueError, RecursionError):
        return ""


def _found(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        headers = value.get("headers")
        if isinstance(headers, dict) and isinstance(headers.get("id"), str):
            yield headers["id"]
        for inner in value.values():
            yield from _found(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _found(inner)
    elif isinstance(value, str) and value.startswith("{"):
        try:
            yield from _found(json.loads(value))
        except ValueError:
            return
