"""Finds key prefixes of projects whose queues Flower does not see; reads only names of keys."""

from __future__ import annotations

from typing import Any, Final

import redis

#: What kombu's keys for the bindings of an exchange begin with, after the `global_keyprefix`.
BINDING: Final = "_kombu.binding."
#: The exchanges of remote control and events, which Flower uses itself; no task passes them.
NOT_FOR_TASKS: Final = frozenset({"celeryev", "celery.pidbox", "reply.celery.pidbox"})
#: Keys looked at by one SCAN, which takes the server about a millisecond, and the most SCANs.
KEYS_PER_SCAN: Final = 1_000
MAX_SCANS: Final = 50
#: The most prefixes, and the most characters of each, that are reported.
MAX_PREFIXES: Final = 3
MAX_PREFIX: Final = 100


def hidden_prefixes(channel: Any) -> list[str]:
    """Return the key prefixes in a broker that has queues, but none without a prefix.

    Return none if the channel has a prefix itself, or if it cannot be known: the broker is no
    single Redis, does not permit SCAN, or has more keys than this looks at.

    Raises redis.RedisError or OSError if the broker does not answer.
    """
    client = getattr(channel, "client", None)
    if not isinstance(client, redis.Redis) or channel.global_keyprefix:
        return []
    try:
        return _prefixes(client)
    except redis.ResponseError:
        return []


def _prefixes(client: redis.Redis) -> list[str]:
    found: set[str] = set()
    cursor = 0
    for _ in range(MAX_SCANS):
        reply: Any = client.scan(cursor, match=f"*{BINDING}*", count=KEYS_PER_SCAN)
        cursor, keys = reply
        for key in keys:
            prefix, _, exchange = key.decode(errors="replace").partition(BINDING)
            if exchange in NOT_FOR_TASKS:
                continue
            if not prefix:
                return []
            found.add(prefix[:MAX_PREFIX])
        if cursor == 0:
            return sorted(found)[:MAX_PREFIXES]
    return []
