"""Finds the messages that are still in a broker, wherever a worker or transport put them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

import redis

from kombu_lease import dead, keys
from tasks.chaos import marks

#: The stream of dead letters, without a key prefix, and the field that holds the message.
DEAD_KEY: Final = dead.stream()
DEAD_FIELD: Final = b"message"


def left_ids(client: redis.Redis, *queues: str) -> frozenset[str]:
    """Return the task ids of all messages in any list, hash or stream, except dead letters.

    All keys are read at one moment: workers move messages from one to another meanwhile. `queues`
    are lists that may not exist yet.
    """
    kinds: dict[bytes, Any] = {queue.encode(): b"list" for queue in queues}
    for key in client.scan_iter():
        if not key.endswith(DEAD_KEY.encode()):
            kinds[key] = client.type(key)
    with client.pipeline(transaction=True) as pipe:
        for key, kind in kinds.items():
            _ask(pipe, key, kind)
        answers = pipe.execute()
    return frozenset(id_in(value) for answer in answers for value in _flat(answer)) - {""}


def dead_ids(client: redis.Redis) -> frozenset[str]:
    """Return the task ids in the stream of dead letters."""
    entries: Any = client.xrange(DEAD_KEY)
    return frozenset(id_in(fields.get(DEAD_FIELD, b"")) for _, fields in entries) - {""}


def _ask(pipe: Any, key: bytes, kind: bytes) -> None:
    """Ask for everything in a key that may hold messages."""
    if kind == b"list":
        pipe.lrange(key, 0, -1)
    elif kind == b"hash":
        pipe.hvals(key)
    elif kind == b"zset":
        pipe.zrange(key, 0, -1)
    elif kind == b"stream":
        pipe.xrange(key)


def _flat(answer: Iterable[Any]) -> Iterator[bytes]:
    """Return the values in an answer; an entry of a stream is its id and its fields."""
    for one in answer:
        if isinstance(one, bytes):
            yield one
        else:
            yield from one[1].values()


def id_in(value: bytes) -> str:
    """Return the task id of a message, even if it is inside another structure, or broken."""
    try:
        whole = next(_found(json.loads(_unpacked(value))), "")
    except (ValueError, RecursionError):
        whole = ""
    return whole or marks.found(value.decode(errors="replace"))


def _unpacked(value: bytes) -> bytes:
    """Return a message without the name of its list, which kombu_lease may have put before it."""
    try:
        return keys.unpack(value)[1]
    except ValueError:
        return value


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
