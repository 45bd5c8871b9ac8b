"""A private broker with workers that tests kill, and what the broker knows about their messages."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from celery import Celery

from cluster.local import LocalCluster, RunningWorker, WorkerSpec
from cluster.wait import wait_until
from worker.delivery.keys import Keys
from worker.pools import POOLS

#: What workers of the cluster import. Without `worker.startup`, these tests must fail.
INCLUDE = ("worker.probe", "worker.startup")
KEYS = Keys(prefix="", unacked="poolwise:unacked", index="poolwise:unacked_index")
SLOTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A cluster of its own for a test; its queue is named `work`."""

    cluster: LocalCluster
    client: Celery
    queue: str = "work"

    @property
    def server(self) -> Any:
        """Return a client for the broker."""
        return self.cluster.redis

    def start(
        self,
        name: str,
        pool: str,
        *,
        env: Mapping[str, str] | None = None,
        slots: int = SLOTS,
        **more: Any,
    ) -> RunningWorker:
        """Start a worker that consumes the queue; `more` are further fields of its WorkerSpec."""
        spec = WorkerSpec(
            name=name,
            pool=pool,
            concurrency=POOLS[pool].fixed_concurrency or slots,
            queues=(self.queue,),
            broker_url=self.cluster.broker_url,
            flags=POOLS[pool].flags,
            include=INCLUDE,
            env=env or {},
            **more,
        )
        [worker] = self.cluster.start_workers([spec])
        return worker

    def send(self, task: str, *args: object, **options: Any) -> str:
        """Send a task, perhaps with options of `send_task`, and return its id."""
        return str(self.client.send_task(task, args, queue=self.queue, **options).id)

    def held(self, node: str = "") -> list[Any]:
        """Return the messages that workers hold, or one of them."""
        owners: dict[bytes, bytes] = self.server.hgetall(KEYS.owners)
        names = [owner.decode() for owner, name in owners.items() if node in ("", name.decode())]
        hashes = [KEYS.held(name) for name in names] + ([] if node else [KEYS.held()])
        return [json.loads(text)[0] for name in hashes for text in self.server.hvals(name)]

    def runs(self, task_id: str) -> int:
        """Count how often a task has started and ended, according to the probe."""
        rows = [
            row
            for _, fields in self.server.xrange("poolwise:records")
            for row in json.loads(fields[b"b"])["rows"]
        ]
        return sum(row[1] == task_id and row[5] is not None for row in rows)

    def busy(self, node: str) -> int:
        """Return how many slots of a worker a task occupies, by its last gauge."""
        entries = [json.loads(fields[b"b"]) for _, fields in self.server.xrange("poolwise:records")]
        gauges = [one["gauge"] for one in entries if one["kind"] == "gauge" and one["node"] == node]
        return int(gauges[-1]["busy"]) if gauges else 0

    def dead(self) -> list[dict[bytes, bytes]]:
        """Return the dead letters."""
        return [fields for _, fields in self.server.xrange("_kombu.lease.dead")]

    def until(self, so: Callable[[], Any], timeout_s: float, *workers: RunningWorker) -> float:
        """Wait until something is so, and return how long that took, in seconds."""
        began_s = time.monotonic()

        def failure() -> Exception:
            logs = "\n".join(worker.child.log_tail() for worker in workers)
            return AssertionError(f"not so after {timeout_s:g} s; held: {self.held()}\n{logs}")

        wait_until(so, timeout_s, failure)
        return time.monotonic() - began_s

    def settled(self) -> bool:
        """Return whether no message is queued or held."""
        return not self.held() and not self.server.llen(self.queue)


def kill(worker: RunningWorker) -> None:
    """Kill a worker and its children, as an orchestrator does."""
    os.killpg(worker.child.pid, signal.SIGKILL)


@contextmanager
def private_place(folder: Path) -> Iterator[Place]:
    """Start a broker of its own; stop everything at the end."""
    with LocalCluster(folder) as cluster:
        url = cluster.broker_url
        with Celery("place", broker=url, backend=url, set_as_current=False) as client:
            yield Place(cluster=cluster, client=client)
