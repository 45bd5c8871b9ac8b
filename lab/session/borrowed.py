"""Workers that run before the session and after it: each serves one more queue for a while.

Nothing else about them changes. The queue is added and removed by Celery's remote control.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from cluster.discovery import (
    MOMENT_S,
    TRIES,
    DiscoveredWorker,
    RemoteControl,
    discover_workers,
)
from lab.session.protocols import Key, OnReady, PoolConfig
from lab.session.queues import Queues
from tasks.errors import WorkerError

#: Seconds between two checks whether a worker is alive.
LOOK_S: Final = 3.0
#: Seconds without an answer after which a worker counts as dead; a busy worker answers late.
SILENCE_S: Final = 15.0
#: Seconds that a worker gets to end the tasks that a repeat has left with it.
CLEAR_S: Final = 60.0


class BorrowedWorker:
    """One borrowed worker; alive as long as the process that was borrowed answers."""

    start_up_s: float | None = None

    def __init__(self, remote: RemoteControl, worker: DiscoveredWorker, queue: str) -> None:
        self._remote = remote
        self._worker = worker
        self._borrowed = self._identity()  # None: it has not answered yet
        self._asked_at = self._answered_at = time.monotonic()
        self._ended = ""
        self.node = worker.node
        self.queue = queue
        self.pid = worker.pid if worker.here else None
        self.same_machine = worker.same_machine

    @property
    def alive(self) -> bool:
        """Ask it every `LOOK_S` seconds; a restarted worker has lost what the old one held."""
        now = time.monotonic()
        if not self._ended and now - self._asked_at >= LOOK_S:
            if now - self._asked_at > SILENCE_S:
                self._answered_at = now  # it was not asked, because another worker was measured
            self._asked_at = now
            self._look(now)
        return not self._ended

    def how_it_ended(self) -> str:
        """Say why it counts as dead."""
        return self._ended or "still running"

    def _look(self, now: float) -> None:
        identity = self._identity()
        if identity is not None and identity != (self._borrowed or identity):
            self._ended = "restarted"
        elif identity is not None:
            self._borrowed, self._answered_at = identity, now
        elif now - self._answered_at > SILENCE_S:
            self._ended = f"no answer for {SILENCE_S:.0f} s"

    def _identity(self) -> str | None:
        """Return what changes with every start, if the worker reports it; None: no answer."""
        if self._worker.switchable:
            info = self._remote.info(self._worker.node)
            return info.start if info else None
        reply = self._remote.ask("stats", [self._worker.node]).get(self._worker.node)
        return str(reply["pid"]) if reply else None


class BorrowedWorkers:
    """The borrowed workers of a session, one for each pool."""

    def __init__(
        self, remote: RemoteControl, queues: Queues, workers: Mapping[str, DiscoveredWorker]
    ) -> None:
        """Borrow nothing yet; `workers` are those to borrow, by pool."""
        self._remote = remote
        self._queues = queues
        self._workers = dict(workers)
        self._borrowed: dict[Key, BorrowedWorker] = {}
        self._consuming: list[tuple[str, str]] = []  # node and queue

    def prepare(self, configs: Iterable[PoolConfig], progress: OnReady) -> None:
        """Give a queue to each worker that has none yet, and to each that has been restarted."""
        wanted = list(configs)
        new = [config for config in wanted if config.key not in self._borrowed]
        for config in wanted:
            if config not in new:
                self.replace_dead(config)
        for number, config in enumerate(new, start=1):
            self._borrowed[config.key] = self._borrow(self._workers[config.pool.name])
            progress(number, len(new))

    def __getitem__(self, config: PoolConfig) -> BorrowedWorker:
        """Return the worker that runs `config`, alive or dead."""
        return self._borrowed[config.key]

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues that were added."""
        return tuple(queue for _, queue in self._consuming)

    def replace_dead(self, config: PoolConfig) -> bool:
        """Give a restarted worker another queue; one that does not answer stays dead.

        So does one that is no longer what was borrowed, such as after `poolwise switch`.
        """
        if self._borrowed[config.key].alive:
            return False
        again = self._again(self._workers[config.pool.name])
        if again is None:
            return False
        self._workers[config.pool.name] = again
        self._borrowed[config.key] = self._borrow(again)
        return True

    def clear(self, config: PoolConfig, tasks: Collection[str]) -> None:
        """Wait until the worker holds none of the tasks, for `CLEAR_S` seconds at most."""
        worker, until = self._borrowed[config.key], time.monotonic() + CLEAR_S
        while worker.alive and self._holds(worker.node, tasks) and time.monotonic() < until:
            time.sleep(MOMENT_S)

    def _holds(self, node: str, tasks: Collection[str]) -> bool:
        """Return whether a worker runs or has fetched one of the tasks; one that is busy may."""
        for state in ("reserved", "active"):  # in the order in which a task has them
            held = self._remote.ask(state, [node]).get(node)
            if held is None or any(one["id"] in tasks for one in held):
                return True
        return False

    def close(self) -> None:
        """Make the workers stop consuming the added queues, each even if another fails."""
        self._give_back(self._consuming)

    def _give_back(self, consuming: Sequence[tuple[str, str]]) -> None:
        """Ask one after the other.

        After an interruption, the others are asked while it is on its way, and so on a connection
        that it has not confused.
        """
        if not consuming:
            return
        (node, queue), *others = consuming
        try:
            self._remote.ask("cancel_consumer", [node], queue=queue)
            self._queues.lent.discard(queue)
        finally:
            self._give_back(others)

    def _again(self, worker: DiscoveredWorker) -> DiscoveredWorker | None:
        """Return a worker as it is after a restart, if it can still take the old one's place."""
        found = next((w for w in discover_workers(self._remote) if w.node == worker.node), None)
        if found is None or not found.probe or not found.tasks >= worker.tasks:
            return None
        return found if _kind(found) == _kind(worker) else None

    def _borrow(self, worker: DiscoveredWorker) -> BorrowedWorker:
        queue = self._queues.new()
        self._consuming.append((worker.node, queue))
        self._queues.lent.add(queue)
        reply = self._remote.ask("add_consumer", [worker.node], TRIES, queue=queue).get(worker.node)
        if not reply or "ok" not in reply:
            answer = (reply or {}).get("error", "no answer")
            raise WorkerError(
                f"{worker.node} did not start to consume the queue {queue} ({answer}): try again, "
                "or restart this worker"
            )
        return BorrowedWorker(self._remote, worker, queue)


def _kind(worker: DiscoveredWorker) -> tuple[str, int, str]:
    """Return what the figures of a worker are printed with."""
    return worker.pool, worker.concurrency, worker.transport
