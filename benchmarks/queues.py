"""Compares how fast kombu's own Redis transport and kombu_lease carry tasks that do nothing.

    python -m benchmarks.queues [--rounds 5] [--tasks 20000] [--only gevent]

In each round, every worker configuration runs once with either transport, in random order. A worker
starts on an empty queue; then the backlog appears in it at once. It is done when neither the queue
nor the worker holds a message. With "20 ms", a proxy on loopback makes each round trip to Redis
that much longer; stock then gets a hundredth of the tasks, or it would take hours.

The machine must be quiet. Ratios are medians over the rounds.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import click
import psutil
import redis
from celery import Celery

import kombu_lease  # noqa: F401  registers lease://
from benchmarks.ratio import by_pair, line
from cluster.broker import start_broker
from cluster.machine import Machine
from cluster.ports import LOOPBACK, free_port
from cluster.process import Child
from cluster.reaper import Reaper
from cluster.wait import wait_until

TRANSPORTS = ("stock", "lease")
QUEUE = "celery"
#: Seconds that a worker may take to start, and to finish the backlog.
START_S, RUN_S = 60.0, 300.0
#: Milliseconds that the proxy adds to a round trip.
DELAY_MS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A worker configuration."""

    name: str
    flags: tuple[str, ...]
    workers: int = 1
    delay_ms: int = 0
    stock_share: float = 1.0  # of the tasks, for kombu's own transport


SETTINGS = (
    Setting(name="prefork", flags=("--pool", "prefork", "-c", "2")),
    Setting(name="threads", flags=("--pool", "threads", "-c", "10")),
    Setting(name="gevent", flags=("--pool", "gevent", "-c", "100")),
    Setting(name="solo, one per core", flags=("--pool", "solo"), workers=2),
    Setting(
        name="gevent, 20 ms",
        flags=("--pool", "gevent", "-c", "100"),
        delay_ms=DELAY_MS,
        stock_share=0.01,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One run."""

    rate_per_s: float
    cpu_us: float  # of the workers, for each task


class Bench:
    """A broker, and workers one after the other."""

    def __init__(self, folder: Path, reaper: Reaper, url: str) -> None:
        self._folder = folder
        self._reaper = reaper
        self._client = redis.Redis.from_url(url)
        self._port = int(self._client.get_connection_kwargs()["port"])
        self._count = 0
        self._sample = self._one_message(url)

    def measure(self, setting: Setting, transport: str, tasks: int) -> Measured:
        """Run so many tasks with fresh workers."""
        self._client.flushdb()  # the broker is this benchmark's own
        with ExitStack() as stack:
            port = self._port
            if setting.delay_ms:
                port = free_port()
                stack.callback(self._proxy(port, setting.delay_ms).kill)
            workers = []
            for _ in range(setting.workers):
                workers.append(self._worker(setting, transport, port))
                stack.callback(workers[-1].kill)
            for worker in workers:
                _until(lambda w=worker: b"ready." in w.log.read_bytes(), START_S, worker)
            return self._run(workers, transport, tasks)

    def _run(self, workers: list[Child], transport: str, tasks: int) -> Measured:
        self._prepare(tasks)
        before_s = sum(map(_cpu_s, workers))
        began_s = time.perf_counter()
        self._client.rename("prepared", QUEUE)
        holds = self._unacked if transport == "stock" else self._held
        _until(lambda: not self._client.llen(QUEUE) and not holds(), RUN_S, workers[0])
        took_s = time.perf_counter() - began_s
        cpu_s = sum(map(_cpu_s, workers)) - before_s
        return Measured(rate_per_s=tasks / took_s, cpu_us=cpu_s / tasks * 1e6)

    def _one_message(self, url: str) -> dict[str, Any]:
        app = Celery("queues", broker=url, set_as_current=False)
        app.send_task("benchmarks.queues_shop.nothing")
        app.close()
        message: Any = self._client.rpop(QUEUE)
        found: dict[str, Any] = json.loads(message)
        return found

    def _prepare(self, tasks: int) -> None:
        sample = self._sample
        text = json.dumps(sample)
        old_id, old_tag = sample["headers"]["id"], sample["properties"]["delivery_tag"]
        with self._client.pipeline(transaction=False) as pipe:
            for _ in range(tasks):
                fresh = text.replace(old_id, str(uuid4())).replace(old_tag, str(uuid4()))
                pipe.lpush("prepared", fresh)
            pipe.execute()

    def _unacked(self) -> int:
        return int(self._client.hlen("unacked"))

    def _held(self) -> int:
        held = 0
        for key in self._client.scan_iter("_kombu.lease.held.*"):
            fields: Any = self._client.hkeys(key)
            held += sum(1 for field in fields if not field.startswith(b"@"))
        return held

    def _worker(self, setting: Setting, transport: str, port: int) -> Child:
        self._count += 1
        scheme = "redis" if transport == "stock" else transport
        command = (
            *(sys.executable, "-m", "celery", "-A", "benchmarks.queues_shop", "worker"),
            *("-n", f"w{self._count}@queues", "-l", "WARNING", *setting.flags),
            *("--without-mingle", "--without-gossip", "--without-heartbeat"),
        )
        return Child(
            f"worker {self._count}",
            command,
            log=self._folder / f"{self._count}.log",
            registry=self._reaper,
            env={"QUEUES_BROKER": f"{scheme}://{LOOPBACK}:{port}/0"},
        )

    def _proxy(self, port: int, delay_ms: int) -> Child:
        words = (port, self._port, delay_ms)
        command = (sys.executable, "-m", "benchmarks.delay_proxy", *map(str, words))
        child = Child("proxy", command, log=self._folder / "proxy.log", registry=self._reaper)
        with redis.Redis(port=port) as client:
            _until(lambda: _answers(client), START_S, child)
        return child


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


def _until(condition: Any, timeout_s: float, child: Child) -> None:
    wait_until(condition, timeout_s, lambda: AssertionError(child.failure("did not finish")))


def _cpu_s(worker: Child) -> float:
    main = psutil.Process(worker.pid)
    spent = [one.cpu_times() for one in (main, *main.children(recursive=True))]
    return sum(times.user + times.system for times in spent)


@click.command()
@click.option("--rounds", default=5, show_default=True)
@click.option("--tasks", default=20_000, show_default=True)
@click.option("--only", default="", help="Only configurations whose name contains this.")
@click.option("--seed", default=1, show_default=True)
def main(rounds: int, tasks: int, only: str, seed: int) -> None:
    """Measure, and print rates, CPU time per task and ratios."""
    machine = Machine.this()
    click.echo(f"{machine.cores} cores, {rounds} rounds, {tasks} tasks, seed {seed}")
    order = random.Random(seed)  # noqa: S311 - no secret
    settings = [one for one in SETTINGS if only in one.name]
    runs: dict[tuple[str, str], list[Measured]] = defaultdict(list)
    reaper = Reaper()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        stack.callback(reaper.close)
        broker, url = start_broker(Path(name), reaper)
        stack.callback(broker.kill)
        bench = Bench(Path(name), reaper, url)
        for _ in range(rounds):
            todo = [(one, transport) for one in settings for transport in TRANSPORTS]
            order.shuffle(todo)
            for setting, transport in todo:
                share = setting.stock_share if transport == "stock" else 1
                found = bench.measure(setting, transport, max(50, int(tasks * share)))
                runs[setting.name, transport].append(found)
                click.echo(
                    f"{setting.name:20} {transport:6} {found.rate_per_s:9,.0f} tasks/s "
                    f"{found.cpu_us:7,.0f} µs CPU"
                )
    click.echo("")
    for setting in settings:
        stock, lease = (list(runs[setting.name, t]) for t in TRANSPORTS)
        for transport, of_one in zip(TRANSPORTS, (stock, lease), strict=True):
            rates = [one.rate_per_s for one in of_one]
            cpu = median(one.cpu_us for one in of_one)
            click.echo(
                f"{setting.name:20} {transport:6} {median(rates):9,.0f} tasks/s "
                f"({min(rates):,.0f} to {max(rates):,.0f}), {cpu:,.0f} µs CPU"
            )
        pairs = by_pair([o.rate_per_s for o in lease], [o.rate_per_s for o in stock])
        click.echo(line(f"{setting.name}: lease / stock", pairs))


if __name__ == "__main__":
    main()
