"""Finds the messages that are still in a broker, wherever a worker or transport put them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

import redis

from tasks.chaos import marks
from worker.delivery import dead

#: The stream of dead letters, without a key prefix, and the field that holds the message.
DEAD_KEY: Final = dead.stream("")
DEAD_FIELD: Final = b"message"


def left_ids(client: redis.Redis) -> frozenset[str]:
    """Return the task ids of all messages in any list, hash or stream, except dead letters."""
    found: set[str] = set()
    for key in client.scan_iter():
        if not key.endswith(DEAD_KEY.encode()):
            found.update(id_in(value) for value in _values(client, key))
    return frozenset(found - {""})


def dead_ids(client: redis.Redis) -> frozenset[str]:
    """Return the task ids in the stream of dead letters."""
    entries: Any = client.xrange(DEAD_KEY)
    return frozenset(id_in(fields.get(DEAD_FIELD, b"")) for _, fields in entries) - {""}


def _values(client: Any, key: bytes) -> Iterable[bytes]:
    kind = client.type(key)
    if kind == b"list":
        return list(client.lrange(key, 0, -1))
    if kind == b"hash":
        return list(client.hvals(key))
    if kind == b"zset":
        return list(client.zrange(key, 0, -1))
    if kind == b"stream":
        return [value for _, fields in client.xrange(key) for value in fields.values()]
    return []


def id_in(value: bytes) -> str:
    """Return the task id of a message, also if it is inside another structure, or broken."""
    try:
        whole = next(_found(json.loads(value)), "")
    except (ValueError, RecursionError):
        whole = ""
    return whole or marks.found(value.decode(errors="replace"))


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
