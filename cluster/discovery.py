"""Discovers the workers that run on a broker, no matter how they were started.

It uses only Celery's own remote control, so that it finds any Celery worker.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import msgspec
from celery import Celery
from msgspec import Struct

from producer import broker
from producer.interruption import usable_again
from tasks.transport_options import transport_called
from worker.control import WORKER_INFO, WorkerInfo, place, same_machine
from worker.pools import pool_of_implementation

#: Seconds to wait for a reply; a worker that is computing replies late.
PATIENCE_S: Final = 1.0
#: The same for a request that is repeated soon.
MOMENT_S: Final = 0.3
#: How often a request is sent before a worker counts as absent.
TRIES: Final = 3
#: The pool of a worker that does not name it.
UNKNOWN_POOL: Final = "unknown"
#: Modules that put the probe into a worker (the last is the name of a copy in the docs), and those
#: that let its pool be changed.
PROBES: Final = frozenset({"worker.probe", "probe", "poolwise_probe"})
SWITCHES: Final = frozenset({"worker.switch", "worker.startup"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoveredWorker:
    """A worker as it describes itself."""

    node: str
    pool: str  # its name in the pool table, or else the implementing module, or UNKNOWN_POOL
    concurrency: int
    queues: tuple[str, ...]
    pid: int  # of its main process, on its own host
    host: str  # as the worker reports it, or else the part of its name after the @
    here: bool  # whether we can inspect the process with its pid
    probe: bool  # whether the probe records its tasks
    switchable: bool  # whether its pool can be changed while it runs
    tasks: frozenset[str]  # names of the tasks that it can run
    same_machine: bool = False  # whether it runs on this machine, perhaps in another container
    transport: str = ""  # how it talks to Redis: stock or lease; empty: not reported


class RemoteControl:
    """Celery's remote control over one broker, with a time limit for each request."""

    def __init__(self, app: Celery, broker_url: str) -> None:
        self._connection = broker.connection(app, broker_url)
        control: Any = app.control
        self._mailbox: Any = control.mailbox(self._connection)
        # With a pool, the mailbox would send over the app's connections, to the app's broker.
        self._mailbox.producer_pool = None

    def __enter__(self) -> Self:
        """Open nothing yet; the first request opens the connection."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self._connection.release()

    def ask(
        self,
        method: str,
        nodes: Sequence[str] = (),
        tries: int = 1,
        patience_s: float = PATIENCE_S,
        **arguments: Any,
    ) -> dict[str, Any]:
        """Return the replies by node; without `nodes`, those of all workers that reply in time.

        Returns as soon as all `nodes` have replied. A node that does not reply is left out.
        """
        usable_again(self._connection)
        replies: dict[str, Any] = {}
        for _ in range(tries):
            left = [node for node in nodes if node not in replies]
            answers = (
                self._mailbox.call(left, method, arguments, patience_s)
                if left
                else self._mailbox.multi_call(method, arguments, patience_s)
            )
            for answer in answers or ():
                replies.update(_encodable(answer))
            if replies and replies.keys() >= set(nodes):
                break
        return replies

    def info(self, node: str) -> WorkerInfo | None:
        """Return what a Poolwise worker reports about itself; None if it does not reply at once."""
        return info_from(self.ask(WORKER_INFO, [node], patience_s=MOMENT_S).get(node))


def _encodable(answer: Any) -> dict[str, Any]:
    """Return an answer whose text UTF-8 can encode; nothing if it does not name its worker.

    Anyone who can write to the broker can send answers. Half a character becomes a question mark,
    and what kombu has decoded to other types, such as dates in the arguments of tasks, text.
    """
    text = json.dumps(answer, ensure_ascii=False, default=str).encode("utf-8", "replace")
    found = json.loads(text)
    return found if isinstance(found, dict) else {}


def info_from(reply: Any) -> WorkerInfo | None:
    """Read a reply to `WORKER_INFO`; None if the worker does not know the command."""
    try:
        return msgspec.convert(reply, WorkerInfo)
    except msgspec.ValidationError:
        return None


def discover_workers(remote: RemoteControl) -> list[DiscoveredWorker]:
    """Return the workers that reply, sorted by name.

    A worker that replies to the first request but not to the others in time, such as a busy solo
    worker, is left out.
    """
    answered = remote.ask("ping", tries=TRIES)
    if not answered:
        return []
    # Ping again, because a worker that has just started may have missed the first one.
    nodes = sorted(answered | remote.ask("ping", patience_s=MOMENT_S))
    answers = {
        method: remote.ask(method, nodes, TRIES)
        for method in ("stats", "active_queues", "conf", "registered")
    }
    ours = [node for node in nodes if includes(answers["conf"].get(node)) & SWITCHES]
    infos = remote.ask(WORKER_INFO, ours, TRIES) if ours else {}
    found = (
        worker_from_replies(
            node, {method: reply[node] for method, reply in answers.items()}, infos.get(node)
        )
        for node in nodes
        if all(node in reply for reply in answers.values())
    )
    return [worker for worker in found if worker is not None]


class _PoolStats(Struct, frozen=True):
    implementation: str = ""  # absent in Celery 5.2
    slots: int | None = msgspec.field(name="max-concurrency", default=None)


class _Stats(Struct, frozen=True):
    """What is read of a reply to `stats`."""

    pid: int
    pool: _PoolStats
    broker: Any = None


class _Queue(Struct, frozen=True):
    name: str


def worker_from_replies(
    node: str, replies: Mapping[str, Any], info_reply: Any = None
) -> DiscoveredWorker | None:
    """Build a worker from Celery's replies to stats, active_queues, conf and registered.

    None if one of them does not describe a worker, such as an error.
    """
    try:
        stats = msgspec.convert(replies["stats"], _Stats)
        queues = msgspec.convert(replies["active_queues"] or (), tuple[_Queue, ...])
        tasks = msgspec.convert(replies["registered"] or (), tuple[str, ...])
    except msgspec.ValidationError:
        return None
    modules = includes(replies["conf"])
    info = info_from(info_reply)
    return DiscoveredWorker(
        node=node,
        pool=_pool(stats.pool.implementation.partition(":")[0], info),
        concurrency=stats.pool.slots or 0,
        queues=tuple(sorted(queue.name for queue in queues)),
        pid=stats.pid,
        host=info.host if info else node.partition("@")[2],
        here=info is not None and info.place == place(),
        same_machine=info is not None and same_machine(info.place, place()),
        probe=bool(modules & PROBES),
        switchable=bool(modules & SWITCHES) and not (info and info.cannot_switch),
        tasks=frozenset(task.partition(" ")[0] for task in tasks),
        transport=_transport(stats.broker),
    )


def _pool(module: str, info: WorkerInfo | None) -> str:
    if not module:
        return info.pool if info else UNKNOWN_POOL
    pool = pool_of_implementation(module)
    return pool.name if pool else module


def _transport(broker: Any) -> str:
    """Return stock or lease, from what a worker says of its connection; empty if it does not."""
    named = str(broker.get("transport") or "") if isinstance(broker, dict) else ""
    return transport_called(named)


def includes(conf: Any) -> frozenset[str]:
    """Return the modules loaded with `-I`, which Celery adds to the setting `include`."""
    named = conf.get("include") if isinstance(conf, dict) else None
    return frozenset(named) if isinstance(named, list | tuple) else frozenset()
