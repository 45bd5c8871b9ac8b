"""Starts workers of `benchmarks.queues_shop` on one broker, for benchmarks of transports."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import redis
from celery import Celery

import kombu_lease  # noqa: F401  registers lease://
from benchmarks.queues_settings import Setting, Variant
from cluster.broker import start_broker
from cluster.ports import LOOPBACK, free_port
from cluster.process import Child
from cluster.reaper import Reaper
from cluster.wait import wait_until

QUEUE = "celery"
#: Seconds that a worker may take to start.
START_S = 60.0


class QueueBench:
    """A broker of its own, and workers one after the other."""

    def __init__(self, folder: Path, reaper: Reaper, url: str) -> None:
        self._folder = folder
        self._reaper = reaper
        self.client = redis.Redis.from_url(url)
        self.port = int(self.client.get_connection_kwargs()["port"])
        self.results = redis.Redis(port=self.port, db=1)
        #: Where processes count the tasks that they ran.
        self.ran = folder / "ran"
        self.ran.mkdir()
        self._count = 0
        self._url = url

    def clear(self) -> None:
        """Remove all messages, results and counts."""
        self.client.flushdb()  # the broker is this benchmark's own
        self.results.flushdb()
        for file in self.ran.iterdir():
            file.unlink()

    @contextmanager
    def workers(self, setting: Setting, variant: Variant) -> Iterator[Sequence[Child]]:
        """Start fresh workers on an empty broker; yield them when they are ready."""
        self.clear()
        with ExitStack() as stack:
            port = self.port
            if setting.delay_ms:
                port = free_port()
                stack.callback(self._proxy(port, setting.delay_ms).kill)
            workers = []
            for _ in range(setting.workers):
                workers.append(self._worker(setting, variant, port))
                stack.callback(workers[-1].kill)
            for worker in workers:
                until(partial(_ready, worker), START_S, worker)
            yield workers

    def messages(self, task: str, count: int, args: tuple[Any, ...] = ()) -> list[str]:
        """Return messages of a task in the shop, each with an id of its own."""
        app = Celery("queues", broker=self._url, set_as_current=False)
        app.send_task(f"benchmarks.queues_shop.{task}", args, queue="sample")
        app.close()
        raw: Any = self.client.rpop("sample")
        sample = json.loads(raw)
        sample["properties"]["delivery_info"]["routing_key"] = QUEUE
        text = json.dumps(sample)
        old_id, old_tag = sample["headers"]["id"], sample["properties"]["delivery_tag"]
        return [
            text.replace(old_id, str(uuid4())).replace(old_tag, str(uuid4())) for _ in range(count)
        ]

    def start(self, command: Sequence[str], env: Mapping[str, str]) -> Child:
        """Start a worker whose tasks may count that they ran."""
        self._count += 1
        return Child(
            f"worker {self._count}",
            command,
            log=self._folder / f"{self._count}.log",
            registry=self._reaper,
            env={"QUEUES_RAN": str(self.ran), **env},
        )

    def _worker(self, setting: Setting, variant: Variant, port: int) -> Child:
        address = f"://{LOOPBACK}:{port}"
        command = (
            *(sys.executable, "-m", "celery", "-A", "benchmarks.queues_shop", "worker"),
            *("-n", f"w{self._count + 1}@queues", "-l", "WARNING", *setting.flags),
            *("--without-mingle", "--without-gossip", "--without-heartbeat"),
        )
        return self.start(
            command,
            {
                "QUEUES_BROKER": f"{variant.broker}{address}/0",
                "QUEUES_RESULTS": f"{variant.results}{address}/1" if variant.results else "",
            },
        )

    def _proxy(self, port: int, delay_ms: int) -> Child:
        words = (port, self.port, delay_ms)
        command = (sys.executable, "-m", "benchmarks.delay_proxy", *map(str, words))
        child = Child("proxy", command, log=self._folder / "proxy.log", registry=self._reaper)
        with redis.Redis(port=port) as client:
            until(lambda: _answers(client), START_S, child)
        return child


@contextmanager
def queue_bench(folder: Path) -> Iterator[QueueBench]:
    """Start a broker, and stop it at the end with all that was started."""
    reaper = Reaper()
    with ExitStack() as stack:
        stack.callback(reaper.close)
        broker, url = start_broker(folder, reaper)
        stack.callback(broker.kill)
        yield QueueBench(folder, reaper, url)


def until(condition: Callable[[], object], timeout_s: float, child: Child) -> None:
    """Wait for a condition; on failure, show the end of the child's log."""
    wait_until(condition, timeout_s, lambda: AssertionError(child.failure("did not finish")))


def cpu_s(worker: Child) -> float:
    """Return the CPU time of a worker and its pool so far."""
    main = psutil.Process(worker.pid)
    spent = [one.cpu_times() for one in (main, *main.children(recursive=True))]
    return sum(times.user + times.system for times in spent)


def _ready(worker: Child) -> bool:
    return b"ready." in worker.log.read_bytes()


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
