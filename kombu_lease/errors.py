"""The errors of this transport.

    redis.ConnectionError
        LeaseLostError     the lease expired, and others may have the messages
        BrokerRefusedError Redis answered a command with an error

All are connection errors, because Celery recovers from those by itself: it reconnects.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis


class LeaseLostError(redis.ConnectionError):
    """Raised when the lease of a consumer expired and its messages went back to their queues."""


class BrokerRefusedError(redis.ConnectionError):
    """Raised when Redis answers with an error, such as READONLY, LOADING or NOPERM."""


class UndecodableError(Exception):
    """Raised when a message is not one of kombu's; says why."""


def in_a_line(error: BaseException) -> str:
    """Return the kind and the text of an error as Redis can store it, in one short line."""
    line = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    return line.encode(errors="backslashreplace").decode()


#: What only a cluster answers.
_CLUSTER = (
    redis.exceptions.AskError,
    redis.exceptions.ClusterCrossSlotError,
    redis.exceptions.ClusterDownError,
)


@contextmanager
def refusals() -> Iterator[None]:
    """Raise BrokerRefusedError for error replies: Celery ends a worker for redis-py's own."""
    try:
        yield
    except _CLUSTER as error:
        raise BrokerRefusedError(
            "kombu_lease does not support Redis Cluster: use a single server or Sentinel"
        ) from error
    except redis.ResponseError as error:
        raise BrokerRefusedError(str(error)) from error
