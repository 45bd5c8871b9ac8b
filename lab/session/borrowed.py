"""Workers that ran before the race and run on after it: found, chosen, given a queue for a while.

Nothing of theirs is touched: each gets one more queue by remote control, which goes with the race.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from cluster.found import TRIES, Asking, Found, find_workers
from lab.measure.workloads import TASKS
from lab.race.options import RaceOptions
from lab.session.protocols import Worker
from lab.session.started import Key, PoolConfig
from tasks.errors import UsageError, WorkerError

#: Seconds between two looks at whether a worker lives.
LOOK_S: Final = 3.0
#: Seconds without an answer after which a worker counts as dead; computing can hold up answers.
SILENCE_S: Final = 15.0


def meet(asking: Asking, options: RaceOptions, url: str) -> dict[str, Found]:
    """Find the workers that are to race, by pool; `url` is shown where there are none.

    Raises WorkerError where nobody answers, nobody can race, or a pool that was named is missing;
    UsageError for work that these workers cannot do.
    """
    found = find_workers(asking)
    if not found:
        raise WorkerError(nobody(url))
    tasks = frozenset(TASKS[name] for name in options.workloads)
    pools = tuple(pool.name for pool in options.pools)
    best = chosen(found, pools, tasks)
    missing = [name for name in pools if name not in best]
    if missing and options.pools_typed:
        raise WorkerError(
            f"no {missing[0]} worker here can race (there are "
            f"{', '.join(f'{worker.node}: {worker.pool}' for worker in found)}); "
            f"change one with poolwise switch NODE --pool {missing[0]} --broker {url}"
        )
    if "fetch" in options.workloads and not all(worker.here for worker in best.values()):
        raise UsageError("fetch asks a server on this machine's loopback; take sleep instead")
    return best


def with_guests(options: RaceOptions, guests: Mapping[str, Found]) -> RaceOptions:
    """Return the options with the pools and sizes that there are."""
    return replace(
        options,
        pools=tuple(pool for pool in options.pools if pool.name in guests),
        concurrency={name: worker.concurrency for name, worker in guests.items()},
    )


def nobody(url: str) -> str:
    """Say that no worker answers, and how to come by one."""
    return (
        f"no worker answers at {url}; start one: "
        f"CELERY_BROKER_URL={url} celery -A tasks worker -I worker.probe,worker.startup"
    )


def chosen(found: Sequence[Found], pools: Sequence[str], tasks: frozenset[str]) -> dict[str, Found]:
    """Return the worker that races for each of `pools`, where one can.

    Of several, the one whose queue has the pool's name, else one with a queue that no other has.
    Raises WorkerError, with the reason, where no worker at all can race.
    """
    able = [worker for worker in found if not _unable(worker, tasks)]
    best: dict[str, Found] = {}
    for worker in sorted(able, key=lambda worker: (_rank(worker, found), worker.node)):
        if worker.pool in pools:
            best.setdefault(worker.pool, worker)
    if not best:
        raise WorkerError("no worker here can race: " + "; ".join(_reasons(found, pools, tasks)))
    return best


def _rank(worker: Found, found: Sequence[Found]) -> int:
    if worker.pool in worker.queues:
        return 0
    others = {queue for other in found if other is not worker for queue in other.queues}
    return 1 if set(worker.queues) - others else 2


def _unable(worker: Found, tasks: frozenset[str]) -> str:
    if not worker.probe:
        return "has no probe: start it with -I worker.probe"
    missing = sorted(tasks - worker.tasks)
    return f"does not know {missing[0]}: start it with -A tasks" if missing else ""


def _reasons(found: Sequence[Found], pools: Sequence[str], tasks: frozenset[str]) -> list[str]:
    return [
        f"{w.node} {_unable(w, tasks) or f'is {w.pool}, and --pools wants ' + ','.join(pools)}"
        for w in found
    ]


class BorrowedWorker:
    """One worker that takes part; alive as long as the same start of it answers."""

    start_up_s: float | None = None

    def __init__(self, asking: Asking, worker: Found, queue: str) -> None:
        self._asking = asking
        self._worker = worker
        self._seen = self._identity()
        self._asked_at = self._answered_at = time.monotonic()
        self._ended = ""
        self.node = worker.node
        self.queue = queue
        self.pid = worker.pid if worker.here else None

    @property
    def alive(self) -> bool:
        """Ask now and then; a worker of another start has lost what this one held."""
        now = time.monotonic()
        if not self._ended and now - self._asked_at >= LOOK_S:
            if now - self._asked_at > SILENCE_S:
                self._answered_at = now  # nobody asked: it was another worker's turn
            self._asked_at = now
            self._look(now)
        return not self._ended

    def how_it_ended(self) -> str:
        """Say why it counts as dead."""
        return self._ended or "still running"

    def _look(self, now: float) -> None:
        identity = self._identity()
        if identity is not None and identity != self._seen:
            self._ended = "started anew"
        elif identity is not None:
            self._answered_at = now
        elif now - self._answered_at > SILENCE_S:
            self._ended = f"no answer for {SILENCE_S:.0f} s"

    def _identity(self) -> str | None:
        """Return what differs after every start, as far as the worker tells; None: no answer."""
        if self._worker.switchable:
            about = self._asking.about(self._worker.node)
            return about.start if about else None
        reply = self._asking.ask("stats", [self._worker.node]).get(self._worker.node)
        return str(reply["pid"]) if reply else None


class BorrowedWorkers:
    """All workers of a race that were there before."""

    def __init__(self, asking: Asking, run: str, workers: dict[str, Found]) -> None:
        self._asking = asking
        self._run = run
        self._workers = workers
        self._guests: dict[Key, BorrowedWorker] = {}
        self._joined: list[tuple[str, str]] = []  # node and queue

    def prepare(self, configs: Iterable[PoolConfig], progress: Callable[[int, int], None]) -> None:
        """Give each worker that has none yet its queue.

        Raises WorkerError for the first that does not take it.
        """
        new = [config for config in configs if config.key not in self._guests]
        for number, config in enumerate(new, start=1):
            self._guests[config.key] = self._join(self._workers[config.pool.name])
            progress(number, len(new))

    def __getitem__(self, config: PoolConfig) -> Worker:
        """Return the worker of `entry`, alive or dead."""
        return self._guests[config.key]

    @property
    def queues(self) -> list[str]:
        """The queues of the race."""
        return [queue for _, queue in self._joined]

    def replace_dead(self, config: PoolConfig) -> None:
        """Give a worker that came back another queue; one that did not cannot be replaced."""
        if not self._guests[config.key].alive:
            worker = self._workers[config.pool.name]
            if self._asking.ask("ping", [worker.node]):
                self._guests[config.key] = self._join(worker)

    def close(self) -> None:
        """Take the queues away again."""
        for node, queue in self._joined:
            self._asking.ask("cancel_consumer", [node], queue=queue)

    def _join(self, worker: Found) -> BorrowedWorker:
        queue = f"{self._run}.{len(self._joined) + 1}"
        self._joined.append((worker.node, queue))
        reply = self._asking.ask("add_consumer", [worker.node], TRIES, queue=queue).get(worker.node)
        if not reply or "ok" not in reply:
            raise WorkerError(f"{worker.node} does not take another queue: {reply or 'no answer'}")
        return BorrowedWorker(self._asking, worker, queue)
