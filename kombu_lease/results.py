"""A result backend for Celery that stores each result in one round trip to Redis.

Celery's own backend for Redis reads the state of a task before it writes a result, and opens a
connection for each thread or greenlet. Keys, contents and messages are the same, so producers and
workers may use different ones. This module needs Celery; no other module of this package does.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha1
from time import monotonic
from typing import Any

from celery import states
from celery.backends import redis
from celery.exceptions import BackendStoreError, ImproperlyConfigured
from celery.utils.functional import LRUCache
from kombu.utils.encoding import bytes_to_str

from kombu_lease.commit import GroupCommit
from kombu_lease.kept import KeptConnection
from kombu_lease.scripts import RESULT

#: The schemes of addresses, after `lease+`; `lease` is that of a broker, used for both.
_SCHEMES = frozenset({"redis", "rediss", "socket", "lease"})
#: Seconds between two tries to listen for results again.
_AWAY_S = 1.0
#: Tasks whose last state is remembered, so that it can be replaced without reading it.
_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class _Put:
    key: str | bytes
    value: str | bytes
    expires_s: int
    seen: str  # the digest of the value that it may replace; empty if there should be none


#: Untyped: its stubs lack most of it.
RedisBackend: Any = redis.RedisBackend


class Backend(RedisBackend):  # type: ignore[misc]
    """`lease+redis://` or `lease+rediss://`: one Redis server.

    All threads or greenlets of a worker share one backend, so that their results travel together.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_worker = bool(getattr(self.app, "use_fast_trace_task", False))
        self.thread_safe: bool = self.thread_safe or self._in_worker
        self._connection = KeptConnection(lambda: self.client.connection_pool)
        self._commit = GroupCommit(self._send, self._send_apart)
        self._digests: Any = LRUCache(limit=_REMEMBERED)
        self._listening = threading.Lock()
        self._listen_s = 0.0  # no try to listen again before that

    def close(self) -> None:
        """Close the connections; the next result opens them again."""
        self._connection.close()
        self.client.connection_pool.disconnect()

    def _params_from_url(self, url: str, defaults: Any) -> Any:
        scheme, _, rest = url.partition("://")
        if scheme not in _SCHEMES or "://" in rest:
            raise ImproperlyConfigured(
                "this result backend needs the address of one Redis server, which begins with "
                "lease+redis://, lease+rediss:// or lease+socket://; with Sentinel, use Celery's "
                "own backend"
            )
        return super()._params_from_url(url, defaults)

    def add_pending_result(self, *args: Any, **kwargs: Any) -> Any:
        """Listen for a result."""
        self._listen_again()
        return super().add_pending_result(*args, **kwargs)

    def add_pending_results(self, *args: Any, **kwargs: Any) -> Any:
        """Listen for results."""
        self._listen_again()
        return super().add_pending_results(*args, **kwargs)

    def _listen_again(self) -> None:
        """Start the greenlet that listens again, if it has given up after a long outage of Redis.

        Celery's own backend need not: there, each task of a gevent worker has such a greenlet.
        """
        consumer = self.result_consumer
        if not _has_given_up(consumer.drainer):
            return
        with self._listening:
            if not _has_given_up(consumer.drainer) or monotonic() < self._listen_s:
                return
            self._listen_s = monotonic() + _AWAY_S  # one task tries, the others fail at once
            consumer._reconnect_pubsub()  # what others wait for, too
            consumer.drainer = type(consumer.drainer)(consumer)

    def on_task_call(self, producer: Any, task_id: str) -> None:
        """Listen for the result of a task that was sent, except in a worker.

        There, nobody might read what arrives on the shared connection; `get` listens by itself.
        """
        if not self._in_worker:
            super().on_task_call(producer, task_id)

    def _store_result(
        self,
        task_id: Any,
        result: Any,
        state: str,
        traceback: Any = None,
        request: Any = None,
        **_kwargs: Any,
    ) -> Any:
        """Store a result and publish it, unless the task has succeeded before."""
        meta = self._get_result_meta(
            result=result, state=state, traceback=traceback, request=request
        )
        meta["task_id"] = bytes_to_str(task_id)
        value = self.encode(meta)
        if isinstance(value, str) and len(value) > self._MAX_STR_VALUE_SIZE:
            text = "value too large for Redis backend"
            raise BackendStoreError(text, state=state, task_id=task_id)  # type: ignore[call-arg]
        key = self.get_key_for_task(task_id)
        if self._put(key, value, self._expires_s(state)) and state not in states.READY_STATES:
            self._digests[key] = _digest(value)
        return result

    def _expires_s(self, state: str) -> int:
        expires: Any = self.expires
        if state == states.FAILURE:  # Celery before 5.7 keeps failures for as long as other results
            expires = getattr(self, "failure_expires", expires)
        return int(expires or 0)

    def _put(self, key: Any, value: str | bytes, expires_s: int) -> bool:
        """Return whether a value was stored; False if there is a success already."""
        seen = self._digests.pop(key, "")
        while True:
            put = _Put(key, value, expires_s, seen)
            found = self.ensure(self._commit, (put, len(value)))
            if found is None:
                return True
            if isinstance(found, Exception):
                raise found
            if self.decode_result(found)["status"] == states.SUCCESS:
                return False
            seen = _digest(found)

    def _send(self, puts: Sequence[_Put]) -> Any:
        return self._connection.run(RESULT, *_words(puts))

    def _send_apart(self, put: _Put) -> Any:
        """Store with another connection, because the first is in use."""
        return RESULT.run(self.client, *_words([put]))[0]


def _has_given_up(drainer: Any) -> bool:
    over = getattr(drainer, "_shutdown", None)  # threads and processes have no such greenlet
    return over is not None and bool(over.is_set())


def _words(puts: Sequence[_Put]) -> tuple[list[Any], list[Any]]:
    """Return the keys and the arguments of the script."""
    words = [word for put in puts for word in (put.value, put.expires_s, put.seen)]
    return [put.key for put in puts], words


def _digest(value: str | bytes) -> str:
    data = value.encode() if isinstance(value, str) else value
    return sha1(data, usedforsecurity=False).hexdigest()
