"""Workers that run already, whoever started them, found by asking them over the broker.

It asks with Celery's own remote control, so that a worker needs nothing of ours to be found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import msgspec
from celery import Celery

from worker.control import WORKER_INFO, WorkerInfo, place
from worker.pools import pool_of_implementation

#: Seconds given to an answer; a worker busy with computing takes its time.
PATIENCE_S: Final = 1.0
#: The same where we ask again soon.
MOMENT_S: Final = 0.3
#: How often we ask before nobody is there.
TRIES: Final = 3
#: Modules that put the probe into a worker, and those that let its pool be changed.
PROBES: Final = frozenset({"worker.probe", "probe"})
SWITCHES: Final = frozenset({"worker.switch", "worker.startup"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoveredWorker:
    """A worker as it describes itself."""

    node: str
    pool: str  # by our name, or the implementing module's
    concurrency: int
    queues: tuple[str, ...]
    pid: int  # of its main process, on its own host
    host: str  # as it says itself; else what follows the @ of its name
    here: bool  # its pid is a process that we can look at
    probe: bool  # it records what it does
    switchable: bool  # its pool can be changed while it runs
    tasks: frozenset[str]  # names of those it can run


class RemoteControl:
    """Remote control over one broker, each question within a bound of time."""

    def __init__(self, app: Celery, broker_url: str) -> None:
        self._connection = app.connection_for_write(broker_url)
        control: Any = app.control
        self._mailbox: Any = control.mailbox(self._connection)
        # Without it the mailbox would send over the app's own connections, to the app's own broker.
        self._mailbox.producer_pool = None

    def __enter__(self) -> Self:
        """Nothing is opened before it is needed."""
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
        """Return each node's reply; without `nodes`, of all that answer in time.

        Returns as soon as all `nodes` have answered. A node that does not answer is left out.
        """
        replies: dict[str, Any] = {}
        for _ in range(tries):
            left = [node for node in nodes if node not in replies]
            answers = (
                self._mailbox.call(left, method, arguments, patience_s)
                if left
                else self._mailbox.multi_call(method, arguments, patience_s)
            )
            for answer in answers or ():
                replies.update(answer)
            if replies and replies.keys() >= set(nodes):
                break
        return replies

    def info(self, node: str) -> WorkerInfo | None:
        """Return what a worker of ours says of itself; None where it does not answer at once."""
        return info_from(self.ask(WORKER_INFO, [node], patience_s=MOMENT_S).get(node))


def info_from(reply: Any) -> WorkerInfo | None:
    """Read a reply to `WORKER_INFO`; None for that of a worker that does not know the command."""
    return (
        msgspec.convert(reply, WorkerInfo) if isinstance(reply, dict) and "start" in reply else None
    )


def discover_workers(remote: RemoteControl) -> list[DiscoveredWorker]:
    """Return the workers that answer, sorted by name.

    Each question is asked a few times at most; a worker that answers the first and not the others
    in time, such as a busy solo worker, is left out.
    """
    answered = remote.ask("ping", tries=TRIES)
    if not answered:
        return []
    # Once more: a worker that has only just started may have missed the first.
    nodes = sorted(answered | remote.ask("ping", patience_s=MOMENT_S))
    answers = {
        method: remote.ask(method, nodes, TRIES)
        for method in ("stats", "active_queues", "conf", "registered")
    }
    ours = [node for node in nodes if includes(answers["conf"].get(node)) & SWITCHES]
    infos = remote.ask(WORKER_INFO, ours, TRIES) if ours else {}
    return [
        worker_from_replies(
            node, {method: reply[node] for method, reply in answers.items()}, infos.get(node)
        )
        for node in nodes
        if all(node in reply for reply in answers.values())
    ]


def worker_from_replies(
    node: str, replies: Mapping[str, Any], info_reply: Any = None
) -> DiscoveredWorker:
    """Build a worker from Celery's replies to stats, active_queues, conf and registered."""
    stats = replies["stats"]
    module = str(stats["pool"]["implementation"]).partition(":")[0]
    pool = pool_of_implementation(module)
    modules = includes(replies["conf"])
    info = info_from(info_reply)
    return DiscoveredWorker(
        node=node,
        pool=pool.name if pool else module,
        concurrency=int(stats["pool"]["max-concurrency"]),
        queues=tuple(sorted(queue["name"] for queue in replies["active_queues"] or ())),
        pid=int(stats["pid"]),
        host=info.host if info else node.partition("@")[2],
        here=info is not None and info.place == place(),
        probe=bool(modules & PROBES),
        switchable=bool(modules & SWITCHES),
        tasks=frozenset(str(task).partition(" ")[0] for task in replies["registered"] or ()),
    )


def includes(conf: Any) -> frozenset[str]:
    """Read the modules that `-I` named, which Celery adds to the setting `include`."""
    named = conf.get("include") if isinstance(conf, dict) else None
    return frozenset(named) if isinstance(named, list | tuple) else frozenset()
