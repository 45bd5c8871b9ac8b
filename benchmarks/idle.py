"""Compares idle workers on kombu's own Redis transport and on kombu_lease.

    python -m benchmarks.idle [--rounds 5] [--tasks 100] [--idle 10] [--only gevent]

In each round, every worker configuration runs once with either transport, in random order. Each
worker first waits without a task, to measure its CPU time, and then gets single tasks with pauses.
A latency is the time from the push of the message until the task runs.

The machine must be quiet. Ratios are medians over the rounds.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import click
import psutil

from benchmarks.queue_bench import QUEUE, QueueBench, queue_bench, until
from benchmarks.queues_settings import SETTINGS, VARIANTS, Setting, Variant
from benchmarks.ratio import by_pair, line
from cluster.machine import Machine
from cluster.process import Child

#: Seconds between two tasks, at least and at most.
PAUSE_S = (0.02, 0.08)
#: Seconds that a task may take until it runs.
TASK_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One run."""

    cpu_ms_per_s: float  # of the idle worker
    median_ms: float  # latency
    p99_ms: float


def _measured(
    bench: QueueBench, setting: Setting, variant: Variant, tasks: int, idle_s: float
) -> Measured:
    with bench.workers(setting, variant) as workers:
        _latency_ms(bench)  # the first task loads modules
        before_s, began_s = sum(map(_thread_cpu_s, workers)), time.monotonic()
        until(lambda: time.monotonic() - began_s > idle_s, 2 * idle_s, workers[0])
        spent_s = sum(map(_thread_cpu_s, workers)) - before_s
        waited_s = time.monotonic() - began_s
        latencies = []
        for _ in range(tasks):
            time.sleep(random.uniform(*PAUSE_S))  # noqa: S311 - no secret
            latencies.append(_latency_ms(bench))
    return Measured(
        cpu_ms_per_s=spent_s / waited_s * 1e3,
        median_ms=median(latencies),
        p99_ms=quantiles(latencies, n=100)[-1],
    )


def _thread_cpu_s(worker: Child) -> float:
    """Return the CPU time of the running threads of a worker and its pool, to the nanosecond.

    The kernel's usual figure counts in steps of 10 ms. Source: proc(5), /proc/PID/schedstat.
    """
    main = psutil.Process(worker.pid)
    pids = [one.pid for one in (main, *main.children(recursive=True))]
    files = [file for pid in pids for file in Path(f"/proc/{pid}/task").glob("*/schedstat")]
    return sum(int(file.read_text().split()[0]) for file in files) / 1e9


def _latency_ms(bench: QueueBench) -> float:
    [message] = bench.messages("stamp", 1, (bench.port,))
    began_s = time.monotonic()
    bench.client.lpush(QUEUE, message)
    reply: Any = bench.results.blpop(["stamps"], timeout=TASK_S)
    if reply is None:
        raise AssertionError(f"a task did not run within {TASK_S:g} s")
    return (float(reply[1]) - began_s) * 1e3


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True)
@click.option("--tasks", type=click.IntRange(2), default=100, show_default=True)
@click.option("--idle", type=click.FloatRange(1), default=10.0, show_default=True)
@click.option("--only", default="", help="Only configurations whose name contains this.")
@click.option("--seed", default=1, show_default=True)
def main(rounds: int, tasks: int, idle: float, only: str, seed: int) -> None:
    """Measure, and print CPU time, latencies and ratios."""
    click.echo(
        f"{Machine.this().cores} cores, {rounds} rounds, {idle:g} s without a task, then {tasks} "
        f"tasks with pauses of {PAUSE_S[0] * 1e3:g} to {PAUSE_S[1] * 1e3:g} ms, seed {seed}"
    )
    order = random.Random(seed)  # noqa: S311 - no secret
    settings = [one for one in SETTINGS if only in one.name and not one.delay_ms]
    runs: Runs = defaultdict(list)
    with tempfile.TemporaryDirectory() as name, queue_bench(Path(name)) as bench:
        for _ in range(rounds):
            todo = [(setting, variant) for setting in settings for variant in VARIANTS]
            order.shuffle(todo)
            for setting, variant in todo:
                found = _measured(bench, setting, variant, tasks, idle)
                runs[setting.name, variant.name].append(found)
                click.echo(f"{setting.name:20} {variant.name:8} {_figures([found])}", err=True)
    for setting in settings:
        _summarize(setting.name, runs)


Runs = defaultdict[tuple[str, str], list[Measured]]
FIGURES = {"CPU": "cpu_ms_per_s", "median latency": "median_ms", "p99 latency": "p99_ms"}


def _figures(runs: list[Measured]) -> str:
    cpu, middle, p99 = (median(getattr(run, name) for run in runs) for name in FIGURES.values())
    return f"{cpu:5.2f} ms of CPU per s, latency {middle:.2f} ms, p99 {p99:.2f} ms"


def _summarize(setting: str, runs: Runs) -> None:
    click.echo("")
    stock, lease = (runs[setting, variant.name] for variant in VARIANTS)
    click.echo(f"{setting:20} stock    {_figures(stock)}")
    click.echo(f"{setting:20} lease    {_figures(lease)}")
    for label, name in FIGURES.items():
        pairs = by_pair(
            [getattr(run, name) for run in lease], [getattr(run, name) for run in stock]
        )
        click.echo(line(f"{label}, lease / stock", pairs))


if __name__ == "__main__":
    main()
