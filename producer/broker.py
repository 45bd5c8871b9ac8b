"""Asks whether a broker is usable before anything is sent to it, and says in one line why not."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit, urlunsplit

import redis

from tasks.errors import BrokerError, UsageError

#: Seconds that a broker may take to answer at first.
PATIENCE_S = 5.0


def redacted(url: str) -> str:
    """Return `url` with its password, if any, replaced by stars."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:***@{host}"))


#: What to do where no broker answers and one of our own would do.
EMBEDDED = "Leave --broker out to use the embedded one."


def connect(url: str, otherwise: str = EMBEDDED) -> redis.Redis:
    """Return a client for the Redis at `url`, which has answered a ping.

    `otherwise` is a sentence that says what else could be done.

    Raises UsageError where `url` is no Redis URL, BrokerError where nothing usable answers.
    """
    client = _client(url)
    try:
        client.ping()
    except (redis.RedisError, OSError) as error:
        client.close()
        raise BrokerError(_advice(error, redacted(url), otherwise)) from error
    return client


def version(client: redis.Redis) -> str:
    """Return the server's name and version, such as "valkey 9.1.2"."""
    info = client.info("server")
    if "valkey_version" in info:
        return f"valkey {info['valkey_version']}"
    return f"redis {info['redis_version']}"


def _client(url: str) -> redis.Redis:
    if not url.startswith(("redis://", "rediss://")):
        raise UsageError(
            f"a broker's address starts with redis:// or rediss://, not {redacted(url)!r}"
        )
    try:
        return redis.Redis.from_url(
            url, socket_connect_timeout=PATIENCE_S, socket_timeout=PATIENCE_S, retry=None
        )
    except ValueError as error:
        raise UsageError(f"not a broker's address: {redacted(url)} ({error})") from error


def _advice(error: Exception, url: str, otherwise: str) -> str:
    wants_password = isinstance(error, redis.AuthenticationError)
    mend = "Put it into the address: redis://:PASSWORD@HOST:PORT/0" if wants_password else otherwise
    return f"no Redis answers at {url} ({_reason(error)}). {mend}"


def _reason(error: Exception) -> str:
    """Say in a few words what went wrong; the first kind that fits counts."""
    text = str(error)
    cause = error.__cause__ or error.__context__
    for kind, words in _REASONS:
        if isinstance(error, kind) or isinstance(cause, kind):
            return words
    if "closed by server" in text:  # how redis-py tells an orderly close from a reset
        return _CLOSED
    return text.partition("\n")[0] or type(error).__name__


_CLOSED = "it closed the connection: not a Redis?"
_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (redis.AuthenticationError, "it wants a password, or another one"),
    (socket.gaierror, "name not known"),
    (ConnectionRefusedError, "connection refused"),
    (redis.TimeoutError, f"no answer within {PATIENCE_S:.0f} s"),
    (redis.BusyLoadingError, "it is still loading its data"),
    (redis.InvalidResponse, "what answers there does not speak Redis"),
    (ConnectionResetError, _CLOSED),
)
