"""Connects to a broker, with a one-line reason if that fails."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit, urlunsplit

import redis

from tasks.errors import BrokerError, UsageError

#: Seconds that a broker may take to connect and to answer.
PATIENCE_S = 5.0


def redacted(url: str) -> str:
    """Return `url` with its password, if it has one, replaced by `***`."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:***@{host}"))


#: The advice for commands that can start a broker of their own.
EMBEDDED = "Leave --broker out to use the embedded one."


def connect(url: str, otherwise: str = EMBEDDED) -> redis.Redis:
    """Return a client for the Redis at `url`, once it has answered a ping.

    `otherwise` is the advice if no broker answers, as a sentence.

    Raises UsageError if `url` is not a Redis URL, BrokerError if no usable Redis answers.
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
            f"a broker's address must start with redis:// or rediss:// (got {redacted(url)!r})"
        )
    try:
        return redis.Redis.from_url(
            url, socket_connect_timeout=PATIENCE_S, socket_timeout=PATIENCE_S, retry=None
        )
    except ValueError as error:
        raise UsageError(f"not a valid broker address: {redacted(url)} ({error})") from error


def _advice(error: Exception, url: str, otherwise: str) -> str:
    needs_password = isinstance(error, redis.AuthenticationError)
    advice = "Add it to the address: redis://:PASSWORD@HOST:PORT/0" if needs_password else otherwise
    return f"no Redis answers at {url} ({_reason(error)}). {advice}"


def _reason(error: Exception) -> str:
    """Describe in a few words what went wrong; the first matching type counts."""
    text = str(error)
    cause = error.__cause__ or error.__context__
    for kind, words in _REASONS:
        if isinstance(error, kind) or isinstance(cause, kind):
            return words
    if "closed by server" in text:  # redis-py's words for an orderly close
        return _CLOSED
    return text.partition("\n")[0] or type(error).__name__


_CLOSED = "the server closed the connection; it may not be Redis"
_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (redis.AuthenticationError, "it requires a password, or a different one"),
    (socket.gaierror, "name not known"),
    (ConnectionRefusedError, "connection refused"),
    (redis.TimeoutError, f"no answer within {PATIENCE_S:.0f} s"),
    (redis.BusyLoadingError, "it is still loading its data"),
    (redis.InvalidResponse, "the server there does not speak Redis"),
    (ConnectionResetError, _CLOSED),
)
