"""Finds where the workers write their records now, if there are several places for them."""

from __future__ import annotations

from collections.abc import Sequence

import redis

from producer.records import newest_id
from worker.probe import NoRecordsError, Place, records_places

# Some names are re-exported for packages that may not import the worker's.
__all__ = ["NoRecordsError", "Place", "freshest", "records_places"]


def freshest(places: Sequence[Place], timeout_s: float) -> tuple[Place, redis.Redis]:
    """Return the place with the newest entry, and a client for it; the first if all are empty.

    Each server may take `timeout_s` seconds to connect and to answer.

    Raises redis.RedisError or OSError if no server answers.
    """
    found: list[tuple[tuple[int, int], Place, redis.Redis]] = []
    failure: Exception = redis.ConnectionError("there is no address")
    for place in places:
        server = place.client(timeout_s)
        try:
            found.append((newest_id(server), place, server))
        except (redis.RedisError, OSError) as error:
            failure = error
            server.connection_pool.disconnect()
    if not found:
        raise failure
    best = max(found, key=lambda one: one[0])
    for one in found:
        if one is not best:
            one[2].connection_pool.disconnect()
    return best[1], best[2]
