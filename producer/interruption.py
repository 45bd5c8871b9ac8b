"""Connections that an interrupted command cannot confuse.

A signal raises KeyboardInterrupt or SystemExit wherever the process is, also between a command and
its reply. redis-py then keeps the connection, and gives its next user the reply that is still on
its way (seen with redis-py 8.1): a clean-up would delete nothing, and not notice.
"""

from __future__ import annotations

import sys
from typing import Any

import redis
from kombu import Connection


def interrupted() -> bool:
    """Return whether an interruption is on its way through the caller, as in a `finally`."""
    cause = sys.exception()
    return cause is not None and not isinstance(cause, Exception)


def usable_again(connection: Connection) -> Connection:
    """Return `connection`; after an interruption, close it first, and it opens when it is used."""
    if interrupted():
        connection.close()
    return connection


class InterruptiblePool(redis.ConnectionPool):
    """A pool that disconnects what comes back from an interrupted command."""

    def release(self, connection: Any) -> None:
        """Take a connection back."""
        if interrupted():
            connection.disconnect()
        super().release(connection)
