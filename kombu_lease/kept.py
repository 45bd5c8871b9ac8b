"""A connection that stays open between commands, for one thread at a time.

A client takes a connection out of its pool for each command, which costs more than the command.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import redis

from kombu_lease.scripts import Script


class KeptConnection:
    """Runs scripts; `pool` returns a pool, whose settings the connection uses."""

    def __init__(self, pool: Callable[[], redis.ConnectionPool]) -> None:
        self._pool = pool
        self._connection: Any = None
        self._pid = 0

    def run(self, script: Script, keys: Sequence[Any], args: Sequence[Any]) -> Any:
        """Run a script that may run twice; load it if Redis does not have it (any more).

        Raises redis.RedisError; the next call connects again.
        """
        if self._pid != os.getpid():
            self._pid, self._connection = os.getpid(), None  # the old one is the parent's
        words = (len(keys), *keys, *args)
        known = self._connection is not None
        try:
            return self._run(script, words)
        except redis.ConnectionError:
            if not known:
                raise
        return self._run(script, words)  # Redis may have closed the connection while it was idle

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.disconnect()

    def _run(self, script: Script, words: Sequence[Any]) -> Any:
        try:
            return self._call("EVALSHA", script.sha, *words)
        except redis.exceptions.NoScriptError:
            return self._call("EVAL", script.text, *words)

    def _call(self, *words: Any) -> Any:
        if self._connection is None:
            pool = self._pool()
            self._connection = pool.connection_class(**pool.connection_kwargs)
        try:
            self._connection.send_command(*words)
            return self._connection.read_response()
        except redis.ResponseError:
            raise
        except BaseException:  # a reply may still arrive, so do not use this connection again
            self.close()
            raise
