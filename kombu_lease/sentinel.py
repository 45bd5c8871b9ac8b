"""Makes a pool of connections ask all of the Sentinels that a broker's URL names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import redis
from kombu.utils.url import url_to_parts
from redis.backoff import NoBackoff
from redis.retry import Retry

#: Seconds that a Sentinel gets to answer, unless `sentinel_kwargs` say otherwise; there are others.
ANSWER_S = 1.0


def ask_all(pool: Any, client: Any, default_port: int, chosen: Mapping[str, Any]) -> Any:
    """Return the pool of a connection to a broker, `client`; `chosen` are its `sentinel_kwargs`.

    By itself, kombu knows only those whose URL begins with `sentinel://`, and redis-py asks one
    that does not answer for seconds before it asks the next.
    """
    manager = pool.sentinel_manager
    options = {
        # Without a choice, redis-py takes these from the connections to the broker.
        **{name: value for name, value in manager.sentinel_kwargs.items() if value is not None},
        "socket_timeout": ANSWER_S,
        "socket_connect_timeout": ANSWER_S,
        "retry": Retry(NoBackoff(), 0),
        **chosen,
    }
    named = [(parts.hostname, parts.port) for parts in map(url_to_parts, client.alt)]
    manager.sentinels = [
        redis.Redis(host=host or "127.0.0.1", port=port or default_port, **options)
        for host, port in named or [(client.hostname, client.port)]
    ]
    return pool
