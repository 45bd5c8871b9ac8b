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

import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import click

from benchmarks.queue_bench import QUEUE, QueueBench, cpu_s, queue_bench, until
from benchmarks.queues_settings import SETTINGS, VARIANTS, WITH_RESULTS, Setting, Variant
from benchmarks.ratio import by_pair, line
from cluster.machine import Machine
from cluster.process import Child

#: Seconds that workers may take to finish the backlog.
RUN_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One run."""

    rate_per_s: float
    cpu_us: float  # of the workers, for each task


def _measured(bench: QueueBench, setting: Setting, variant: Variant, tasks: int) -> Measured:
    """Run so many tasks with fresh workers."""
    with bench.workers(setting, variant) as workers:
        found = _run(bench, workers, variant, tasks)
    stored = int(bench.results.dbsize())
    if variant.results and stored != tasks:
        raise AssertionError(f"{stored} of {tasks} results were stored")
    return found


def _run(bench: QueueBench, workers: Sequence[Child], variant: Variant, tasks: int) -> Measured:
    with bench.client.pipeline(transaction=False) as pipe:
        for message in bench.messages("nothing", tasks):
            pipe.lpush("prepared", message)
        pipe.execute()
    before_s = sum(map(cpu_s, workers))
    began_s = time.perf_counter()
    bench.client.rename("prepared", QUEUE)
    holds = _unacked if variant.stock else held
    until(lambda: not bench.client.llen(QUEUE) and not holds(bench), RUN_S, workers[0])
    took_s = time.perf_counter() - began_s
    spent_s = sum(map(cpu_s, workers)) - before_s
    return Measured(rate_per_s=tasks / took_s, cpu_us=spent_s / tasks * 1e6)


def _unacked(bench: QueueBench) -> int:
    return int(bench.client.hlen("unacked"))


def held(bench: QueueBench) -> int:
    """Return how many messages workers on kombu_lease have claimed and not acknowledged."""
    found = 0
    for key in bench.client.scan_iter("_kombu.lease.held.*"):
        fields: Any = bench.client.hkeys(key)
        found += sum(1 for field in fields if not field.startswith(b"@"))
    return found


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
    with tempfile.TemporaryDirectory() as name, queue_bench(Path(name)) as bench:
        for _ in range(rounds):
            todo = [(setting, variant) for setting in settings for variant in variants]
            order.shuffle(todo)
            for setting, variant in todo:
                share = setting.stock_share if variant.stock else 1
                found = _measured(bench, setting, variant, max(50, int(tasks * share)))
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
