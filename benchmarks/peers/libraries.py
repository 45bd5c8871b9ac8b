"""The libraries that Celery is compared with, and the settings that are tried with 2 cores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import redis

from benchmarks.peers import guarantee
from benchmarks.peers.guarantee import Guarantee

APPS = "benchmarks.peers.apps"
DRAMATIQ_MESSAGES = "dramatiq:default.msgs"
STREAM = "taskiq.stream"
GROUP = "taskiq"


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerSetting:
    """How a library's workers are started."""

    name: str
    flags: tuple[str, ...]
    fetchers: int  # connections that wait for messages, at least, when the workers are ready
    env: dict[str, str] = field(default_factory=dict)


def _none(_client: redis.Redis) -> int:
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """A library with one kind of queue."""

    name: str
    pins: str  # the environment, and the package whose version is shown
    app: str  # the module in `APPS`
    kind: str  # what the app makes its queue of, or its workers
    command: tuple[str, ...]  # to its interpreter
    queue: str  # the key in which messages appear
    fetch: str  # the Redis command with which idle workers wait
    guarantee: Guarantee
    settings: tuple[PeerSetting, ...]
    beside: tuple[str, ...] = ()  # other keys of the messages
    holds: Callable[[redis.Redis], int] = _none  # messages that are not acknowledged


def _huey(name: str, kind: str, fetch: str, promised: Guarantee) -> Library:
    return Library(
        name=name,
        pins="huey",
        app="huey_app",
        kind=kind,
        command=("-m", "huey.bin.huey_consumer", f"{APPS}.huey_app.app", "-n", "-q"),
        queue=f"huey.redis.{kind}",
        fetch=fetch,
        guarantee=promised,
        settings=(
            PeerSetting(name="2 processes", flags=("-k", "process", "-w", "2"), fetchers=2),
            PeerSetting(name="4 processes", flags=("-k", "process", "-w", "4"), fetchers=4),
            PeerSetting(name="10 threads", flags=("-k", "thread", "-w", "10"), fetchers=10),
        ),
    )


def _dramatiq(name: str, kind: str) -> Library:
    def of(processes: int, threads: int, prefetch: int = 0) -> PeerSetting:
        fetched = f", prefetch {prefetch}" if prefetch else ""
        return PeerSetting(
            name=f"{processes} × {threads} threads{fetched}",
            flags=("-p", str(processes), "-t", str(threads)),
            fetchers=processes,
            env={"dramatiq_queue_prefetch": str(prefetch)},
        )

    return Library(
        name=name,
        pins="dramatiq",
        app="dramatiq_app",
        kind=kind,
        command=("-m", "dramatiq", f"{APPS}.dramatiq_app"),
        queue="dramatiq:default",
        beside=(DRAMATIQ_MESSAGES,),
        fetch="evalsha",
        guarantee=guarantee.DRAMATIQ,
        holds=lambda client: int(client.hlen(DRAMATIQ_MESSAGES)),
        settings=(
            *(of(2, 8), of(2, 8, prefetch=100), of(2, 1, prefetch=100), of(2, 1, prefetch=1000)),
            of(1, 10, prefetch=100),
        ),
    )


def _pending(client: redis.Redis) -> int:
    found: Any = client.xpending(STREAM, GROUP)
    return int(found["pending"])


def _taskiq(kind: str, fetch: str, promised: Guarantee) -> Library:
    def of(workers: int, flag: str = "", value: str = "") -> PeerSetting:
        more = (f"--{flag}", value) if flag else ()
        return PeerSetting(
            name=f"{workers} processes{f', {flag} {value}' if flag else ''}",
            flags=("--workers", str(workers), *more),
            fetchers=workers,
        )

    return Library(
        name=f"taskiq, {kind}",
        pins="taskiq",
        app="taskiq_app",
        kind=kind,
        command=("-m", "taskiq", "worker", f"{APPS}.taskiq_app:broker", "--log-level", "WARNING"),
        queue=f"taskiq.{kind}",
        fetch=fetch,
        guarantee=promised,
        holds=_pending if kind == "stream" else _none,
        settings=(of(2), of(2, "max-prefetch", "100"), of(2, "max-async-tasks", "10")),
    )


LIBRARIES = (
    _dramatiq("dramatiq", "standard"),
    _dramatiq("dramatiq, bare", "none"),
    _taskiq("stream", "xreadgroup", guarantee.TASKIQ_STREAM),
    _taskiq("list", "brpop", guarantee.TASKIQ_LIST),
    _huey("huey", "list", "brpop", guarantee.HUEY),
    _huey("huey, priorities", "priority", "bzpopmin", guarantee.HUEY_PRIORITY),
)
