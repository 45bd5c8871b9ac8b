"""Compares how fast kombu's own Redis transport and kombu_lease carry tasks that do nothing.

    python -m benchmarks.queues [--rounds 5] [--tasks 20000] [--only gevent] [--results]

In each round, every worker configuration runs once with either transport, in random order. A worker
starts on an empty queue; then the backlog appears in it at once. It is done when neither the queue
nor the worker holds a message. With "20 ms", a proxy on loopback makes each round trip to Redis
that much longer; stock then gets a hundredth of the tasks, or it would take hours.

With --results, each task also stores a result, with Celery's backend for Redis or kombu_lease's.

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
from benchmarks.queues_settings import SETTINGS, VARIANTS, WITH_RESULTS, Setting, Variant
from benchmarks.ratio import by_pair, line
from cluster.broker import start_broker
from cluster.machine import Machine
from cluster.ports import LOOPBACK, free_port
from cluster.process import Child
from cluster.reaper import Reaper
from cluster.wait import wait_until

QUEUE = "celery"
#: Seconds that a worker may take to start, and to finish the backlog.
START_S, RUN_S = 60.0, 300.0


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
        self._results = redis.Redis(port=self._port, db=1)
        self._count = 0
        self._sample = self._one_message(url)

    def measure(self, setting: Setting, variant: Variant, tasks: int) -> Measured:
        """Run so many tasks with fresh workers."""
        self._client.flushdb()  # the broker is this benchmark's own
        self._results.flushdb()
        with ExitStack() as stack:
            port = self._port
            if setting.delay_ms:
                port = free_port()
                stack.callback(self._proxy(port, setting.delay_ms).kill)
            workers = []
            for _ in range(setting.workers):
                workers.append(self._worker(setting, variant, port))
                stack.callback(workers[-1].kill)
            for worker in workers:
                _until(lambda w=worker: b"ready." in w.log.read_bytes(), START_S, worker)
            found = self._run(workers, variant, tasks)
        stored = int(self._results.dbsize())
        if variant.results and stored != tasks:
            raise AssertionError(f"{stored} of {tasks} results were stored")
        return found

    def _run(self, workers: list[Child], variant: Variant, tasks: int) -> Measured:
        self._prepare(tasks)
        before_s = sum(map(_cpu_s, workers))
        began_s = time.perf_counter()
        self._client.rename("prepared", QUEUE)
        holds = self._unacked if variant.stock else self._held
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

    def _worker(self, setting: Setting, variant: Variant, port: int) -> Child:
        self._count += 1
        address = f"://{LOOPBACK}:{port}"
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
            env={
                "QUEUES_BROKER": f"{variant.broker}{address}/0",
                "QUEUES_RESULTS": f"{variant.results}{address}/1" if variant.results else "",
            },
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
@click.option("--results", is_flag=True, help="Store the result of each task.")
@click.option("--seed", default=1, show_default=True)
def main(rounds: int, tasks: int, only: str, results: bool, seed: int) -> None:
    """Measure, and print rates, CPU time per task and ratios."""
    machine = Machine.this()
    stored = ", results stored" if results else ""
    click.echo(f"{machine.cores} cores, {rounds} rounds, {tasks} tasks, seed {seed}{stored}")
    order = random.Random(seed)  # noqa: S311 - no secret
    settings = [one for one in SETTINGS if only in one.name]
    variants = WITH_RESULTS if results else VARIANTS
    runs: Runs = defaultdict(list)
    reaper = Reaper()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        stack.callback(reaper.close)
        broker, url = start_broker(Path(name), reaper)
        stack.callback(broker.kill)
        bench = Bench(Path(name), reaper, url)
        for _ in range(rounds):
            todo = [(setting, variant) for setting in settings for variant in variants]
            order.shuffle(todo)
            for setting, variant in todo:
                share = setting.stock_share if variant.stock else 1
                found = bench.measure(setting, variant, max(50, int(tasks * share)))
                runs[setting.name, variant.name].append(found)
                click.echo(
                    f"{setting.name:20} {variant.name:20} {found.rate_per_s:9,.0f} tasks/s "
                    f"{found.cpu_us:7,.0f} µs CPU"
                )
    click.echo("")
    for setting in settings:
        _summarize(setting.name, [variant.name for variant in variants], runs)


Runs = defaultdict[tuple[str, str], list[Measured]]


def _summarize(setting: str, variants: list[str], runs: Runs) -> None:
    rates = {one: [run.rate_per_s for run in runs[setting, one]] for one in variants}
    for variant in variants:
        cpu = median(run.cpu_us for run in runs[setting, variant])
        low, high = min(rates[variant]), max(rates[variant])
        click.echo(
            f"{setting:20} {variant:20} {median(rates[variant]):9,.0f} tasks/s "
            f"({low:,.0f} to {high:,.0f}), {cpu:,.0f} µs CPU"
        )
    first, *others = variants
    for other in others:
        pairs = by_pair(rates[other], rates[first])
        click.echo(line(f"{setting}: {other} / {first}", pairs))


if __name__ == "__main__":
    main()
