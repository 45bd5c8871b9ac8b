"""The errors of this transport.

    redis.ConnectionError
        LeaseLostError     the lease expired, and others may have the messages
        BrokerRefusedError Redis answered a command with an error

All are connection errors, because Celery recovers from those by itself: it reconnects.
"""

from __future__ import annotations

import redis


class LeaseLostError(redis.ConnectionError):
    """Raised when the lease of a consumer expired and its messages went back to their queues."""


class BrokerRefusedError(redis.ConnectionError):
    """Raised when Redis answers with an error, such as READONLY, LOADING or NOPERM."""


class UndecodableError(Exception):
    """Raised when a message is not one of kombu's; says why."""
