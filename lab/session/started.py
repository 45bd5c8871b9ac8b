"""The workers of a race: started together, each on a queue of its own, replaced when one dies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from cluster.local import LocalCluster, WorkerSpec
from lab.session.protocols import Runner, Started
from worker.pools import Pool

#: (pool, concurrency): workloads of like needs share a worker.
Key = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One worker that takes part."""

    pool: Pool
    slots: int

    @property
    def key(self) -> Key:
        """What the workers are told apart by."""
        return (self.pool.name, self.slots)


class Contestants:
    """All workers of a race."""

    def __init__(self, cluster: LocalCluster, run: str, events: bool) -> None:
        self._cluster = cluster
        self._run = run
        self._events = events
        self._workers: dict[Key, Started] = {}
        self._started = 0

    def gather(self, entries: Iterable[Entry], progress: Callable[[int, int], None]) -> None:
        """Have a worker ready for each of `entries`, and none beside them.

        An idle worker still wakes up some twenty times a second, and what it takes of a core is
        missing from the one that is measured. Raises WorkerError for the first that does not start.
        """
        wanted = {entry.key: entry for entry in entries}
        idle = [self._workers.pop(key) for key in self._workers.keys() - wanted.keys()]
        self._cluster.stop([started.child for started in idle], self._cluster.grace_s)
        self._start([entry for key, entry in wanted.items() if key not in self._workers], progress)

    def _start(self, entries: Sequence[Entry], progress: Callable[[int, int], None]) -> None:
        if not entries:
            return
        progress(0, len(entries))
        specs = [self._spec(entry) for entry in entries]
        workers = self._cluster.start_workers(specs, lambda ready: progress(ready, len(entries)))
        for entry, worker in zip(entries, workers, strict=True):
            self._workers[entry.key] = Started(worker)

    def __getitem__(self, entry: Entry) -> Runner:
        """Return the worker of `entry`, alive or dead."""
        return self._workers[entry.key]

    @property
    def queues(self) -> list[str]:
        """The queues of all workers there have been."""
        return [f"{self._run}.{number}" for number in range(1, self._started + 1)]

    def replace_dead(self, entry: Entry) -> None:
        """Start another worker where that of `entry` has died.

        It gets a new queue: what the dead one held comes back to the old queue some time, and
        must not be run in the middle of another measurement.
        """
        if not self._workers[entry.key].alive:
            self._start([entry], lambda _ready, _of: None)

    def close(self) -> None:
        """Do nothing: the cluster ends the workers."""

    def _spec(self, entry: Entry) -> WorkerSpec:
        self._started += 1
        spec = WorkerSpec(
            name=f"{entry.pool.name}-{entry.slots}",
            pool=entry.pool.name,
            concurrency=entry.slots,
            queues=(f"{self._run}.{self._started}",),
            broker_url=self._cluster.broker_url,
            events=self._events,
            flags=entry.pool.flags,
        )
        return spec if entry.key not in self._workers else replace(spec, name=f"{spec.name}-again")
