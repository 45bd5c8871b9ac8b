"""Finds the messages of a queue among all that are delayed."""

from __future__ import annotations

import re
from collections.abc import Iterable

import redis

from kombu_lease.keys import pack

#: Entries that Redis looks at in one step.
_STEP = 1000
#: What has a meaning in a pattern.
_SPECIAL = re.compile(rb"([*?\[\]\\^])")


def forget(client: redis.Redis, delayed_key: str, list_keys: Iterable[str]) -> int:
    """Delete the delayed messages of these lists; return how many there were.

    It looks at all delayed messages, those of other queues too.
    """
    count = 0
    for list_key in list_keys:
        pattern = _SPECIAL.sub(rb"\\\1", pack(list_key, b"")) + b"*"
        for value, _due in client.zscan_iter(delayed_key, match=pattern, count=_STEP):
            count += client.zrem(delayed_key, value)
    return count
