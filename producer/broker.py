"""Connects to a broker, and says in one line why one cannot be used."""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Callable, Iterator
from traceback import walk_tb
from typing import Any, Final
from uuid import uuid4

import kombu.exceptions
import redis
from celery import Celery
from kombu import Connection

from producer.address import redacted, usable
from producer.interruption import InterruptiblePool
from tasks.errors import BrokerError
from tasks.tls import tls_options

#: Seconds that a broker may take to connect and to answer.
PATIENCE_S = 5.0
#: Seconds before kombu tries a second and last time to connect.
RETRY_S: Final = 0.2
#: Seconds after which a key that tests writing expires, if it is not deleted.
CHECK_S: Final = 10

#: Options with which a connection never redelivers what a worker holds. Any client that waits for
#: a message does that, with its own timeout, which may be shorter than the tasks take.
NEVER_REDELIVER: Final = {"visibility_timeout": 10**10}

#: The advice for commands that can start a broker of their own.
EMBEDDED = "Leave --broker out to use the embedded one."


def connection(app: Celery, url: str | None = None) -> Connection:
    """Return a kombu connection for this process, which a broker that falls silent cannot hang.

    It connects when it is first used. Without `url`, it is to the app's own broker. The app's
    settings for TLS are those of its own broker, so they do not apply to another `url`.
    """
    options = {
        "socket_timeout": PATIENCE_S,
        "socket_connect_timeout": PATIENCE_S,
        # kombu would retry for seconds, which is right for a worker.
        "max_retries": 1,
        "interval_start": RETRY_S,
        # A repeated command would send its tasks twice.
        "retry_on_timeout": False,
        **NEVER_REDELIVER,
    }
    tls = None if url is None else tls_options(url) or False
    opened: Connection = app.connection_for_write(url, ssl=tls, transport_options=options)
    return opened


def version(client: redis.Redis) -> str:
    """Return the server's name and version, such as "valkey 9.1.2".

    Raises redis.RedisError if the server does not answer as Redis does.
    """
    info: Any = client.info("server")
    for name in ("valkey", "redis"):
        if isinstance(info, dict) and f"{name}_version" in info:
            return f"{name} {info[f'{name}_version']}"
    raise redis.InvalidResponse("INFO contains no version")


def is_broker_fault(error: BaseException) -> bool:
    """Return whether a broker caused `error`: it went away, refused or answered nonsense.

    A nonsensical reply makes redis-py and kombu fail with a TypeError or the like, somewhere in
    their own code.
    """
    if isinstance(error, BrokerError | redis.RedisError | kombu.exceptions.KombuError):
        return True
    if isinstance(error, RuntimeError) and error.__cause__ and _package_of(error) == "celery":
        return is_broker_fault(error.__cause__)  # Celery's, when it cannot reconnect for results
    return isinstance(error, _ACCIDENTS) and _package_of(error) in {"redis", "kombu"}


def reason(error: BaseException) -> str:
    """Describe in a few words what a broker did wrong.

    A server's own text is matched, never shown: it may repeat what was sent, a password included.
    """
    causes = list(_causes(error))
    for cause in causes:
        if found := _known_reason(cause):
            return found
    for kind, words in _OTHERWISE:
        if any(isinstance(cause, kind) for cause in causes):
            return words
    return _NOT_REDIS


def failure(error: BaseException) -> str:
    """Describe in one line how a broker failed that could be used before."""
    lost = any(isinstance(cause, _CONNECTION_ERRORS) for cause in _causes(error))
    what = "lost the connection to the broker" if lost else "the broker can no longer be used"
    return f"{what}: {reason(error)}"


_CONNECTION_ERRORS: Final = (redis.ConnectionError, redis.TimeoutError, OSError)
_ACCIDENTS: Final = (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError)


def _package_of(error: BaseException) -> str:
    """Return the package outside the standard library in which `error` was raised."""
    packages = [
        str(frame.f_globals.get("__name__", "")).partition(".")[0]
        for frame, _ in walk_tb(error.__traceback__)
    ]
    third_party = [name for name in packages if name not in sys.stdlib_module_names]
    return third_party[-1] if third_party else ""


def answers(client: redis.Redis) -> None:
    """Check that the server answers as Redis does.

    Raises redis.RedisError if it does not.
    """
    if client.ping() is not True:
        raise redis.InvalidResponse("the answer to PING is not PONG")
    moment: Any = client.time()
    if not isinstance(moment, tuple) or not all(isinstance(part, int) for part in moment):
        raise redis.InvalidResponse("the answer to TIME is not a time")


def carries_tasks(client: redis.Redis) -> None:
    """Check that the server does all that kombu, Celery and the probe need.

    It asks for each kind of command once, with a key of its own, which it deletes. Otherwise a
    missing right or a full memory would end a worker in the middle of its work.

    Raises redis.RedisError if it does not.
    """
    answers(client)
    version(client)
    key = f"poolwise:check:{uuid4().hex}"
    with client.pipeline() as pipe:
        for words in _COMMANDS:
            pipe.execute_command(*(key if word is _KEY else word for word in words))  # type: ignore[no-untyped-call]
        pipe.publish(_new_channel(client), "")
        pipe.delete(key)
        replies = pipe.execute()
    if replies[: len(_REPLIES)] != _REPLIES:
        raise redis.InvalidResponse("the answers do not match what was written")
    if client.register_script("return 1")() != 1:
        raise redis.InvalidResponse("the answer to EVALSHA is not what the script returns")
    with client.pubsub() as messages:  # type: ignore[no-untyped-call]
        messages.psubscribe(_new_channel(client))
        if not messages.get_message(timeout=PATIENCE_S):
            raise redis.TimeoutError("no answer to PSUBSCRIBE")


#: Stands for the key in `_COMMANDS`.
_KEY: Final = object()
#: What `carries_tasks` asks for, and the first replies to it.
_COMMANDS: Final[tuple[tuple[Any, ...], ...]] = (
    ("SADD", _KEY, "member"),
    ("SMEMBERS", _KEY),
    ("EXPIRE", _KEY, CHECK_S),
    ("DEL", _KEY),
    ("HSET", _KEY, "field", "value"),
    ("HGET", _KEY, "field"),
    ("HDEL", _KEY, "field"),
    ("ZADD", _KEY, 1, "member"),
    ("ZREVRANGEBYSCORE", _KEY, 1, 0),
    ("ZREM", _KEY, "member"),
    ("LPUSH", _KEY, "message"),
    ("LLEN", _KEY),
    ("BRPOP", _KEY, 1),
    ("XADD", _KEY, "*", "field", "value"),
    ("XREVRANGE", _KEY, "+", "-", "COUNT", 1),
    ("XREAD", "STREAMS", _KEY, "0-0"),
)
_REPLIES: Final = [1, {b"member"}, True, 1, 1, b"value", 1, 1]


def _new_channel(client: redis.Redis) -> str:
    """Name a channel as kombu does, because rights may depend on the name."""
    db = client.connection_pool.connection_kwargs.get("db", 0)
    return f"/{db}.poolwise.check.{uuid4().hex}"


def connect(
    url: str,
    otherwise: str = EMBEDDED,
    *,
    check: Callable[[redis.Redis], None] = carries_tasks,
) -> redis.Redis:
    """Return a client for the Redis at `url`, once it has passed the check.

    `otherwise` is the advice if it does not, as a sentence.

    Raises UsageError if `url` is not a Redis URL, BrokerError if no usable Redis answers.
    """
    pool = InterruptiblePool.from_url(
        usable(url), socket_connect_timeout=PATIENCE_S, socket_timeout=PATIENCE_S, retry=None
    )
    client = redis.Redis.from_pool(pool)
    try:
        check(client)
    except BaseException as error:
        client.close()
        if not isinstance(error, Exception) or not is_broker_fault(error):
            raise
        raise BrokerError(_advice(error, redacted(url), otherwise)) from error
    return client


def _advice(error: Exception, url: str, otherwise: str) -> str:
    needs_password = reason(error) == _PASSWORD
    advice = (
        ("Add the password to the URL: redis://:PASSWORD@HOST:PORT/0")
        if needs_password
        else otherwise
    )
    return f"no usable Redis at {url} ({reason(error)}). {advice}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error, then what it was raised from, or while it was handled; the last counts."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _known_reason(error: BaseException) -> str:
    """Return the reason for an error that is known; the first match counts."""
    if isinstance(error, redis.RedisError):
        for pattern, words in _BY_TEXT:
            if re.search(pattern, str(error)):
                return words + _command(str(error)) * (words == _UNKNOWN_COMMAND)
    for kind, words in _BY_TYPE:
        if isinstance(error, kind):
            return words.format(_command(str(error))) if kind is _NO_PERMISSION else words
    return error.strerror.lower() if isinstance(error, OSError) and error.strerror else ""


def _command(text: str) -> str:
    """Return the command that a server's error names, as an addition; empty if it names none."""
    found = re.search(r"(?:the|command) ['`]([a-z]+)", text, re.IGNORECASE)
    named = found is not None and hasattr(redis.Redis, found[1].lower())
    return f" ({found[1].upper()})" if found and named else ""


_NO_PERMISSION: Final = redis.exceptions.NoPermissionError
#: The gap is for the command that was denied.
_DENIED = (
    "its ACL does not allow this user all that Poolwise needs{}; docs/transport.md lists the rules "
    "for workers and producers under 'Restricted rights'"
)
_CLOSED = "the server closed the connection; it may not be Redis"
_NOT_REDIS = "the server there does not speak Redis"
_PASSWORD = "it requires a password, or a different one"  # noqa: S105 - that is a sentence
_UNKNOWN_COMMAND = "it lacks a command that Poolwise needs"
_CLUSTER = "it is part of a Redis Cluster, which Celery does not support"
_REPLICA = "it is a read-only replica"
#: Reasons by type of error; a type comes before the types that it is derived from.
_BY_TYPE: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (redis.exceptions.AuthenticationWrongNumberOfArgsError, _PASSWORD),
    (redis.AuthenticationError, _PASSWORD),
    (redis.BusyLoadingError, "it is still loading its data"),
    (redis.exceptions.MaxConnectionsError, "too many connections are open"),
    (redis.TimeoutError, f"no answer within {PATIENCE_S:.0f} s"),
    (TimeoutError, f"no answer within {PATIENCE_S:.0f} s"),
    (redis.InvalidResponse, _NOT_REDIS),
    (redis.ReadOnlyError, _REPLICA),
    (redis.OutOfMemoryError, "its memory is full and it rejects new data"),
    (_NO_PERMISSION, _DENIED),
    (redis.exceptions.MasterDownError, "it is a replica without a connection to its primary"),
    (redis.exceptions.ClusterError, _CLUSTER),
    (redis.exceptions.RedisClusterException, _CLUSTER),
    (redis.exceptions.AskError, _CLUSTER),
    (socket.gaierror, "name not known"),
    (ConnectionRefusedError, "connection refused"),
    (ConnectionResetError, _CLOSED),
    (BrokenPipeError, _CLOSED),
)
#: Reasons by the text of an error of redis-py.
_BY_TEXT: Final = (
    ("closed by server", _CLOSED),  # redis-py's words for an orderly close
    (
        "no password is set|without any password",
        "it requires no password: remove the one in the URL",
    ),
    (
        "EXEC without MULTI",
        _DENIED.format(" (MULTI)"),
    ),
    ("max number of clients", "it has too many clients"),
    ("DB index is out of range", "it has no database with this number"),
    ("DENIED", "it is in protected mode and accepts only local clients"),
    ("MISCONF", "it cannot save its data to disk and rejects new data"),
    ("NOREPLICAS", "too few of its replicas answer, so it rejects new data"),
    ("CLUSTER|CROSSSLOT|TRYAGAIN", _CLUSTER),
    ("unknown command|unknown subcommand", _UNKNOWN_COMMAND),
    ("WRONGTYPE", "a key that Celery uses holds the wrong type of data"),
)
#: Reasons for errors of redis-py that are not known more exactly.
_OTHERWISE: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (redis.ResponseError, "it returned an unexpected error"),
    (redis.ConnectionError, "the connection failed"),
)
