"""Measures how fast workers run a backlog, in the same way for all libraries."""

from __future__ import annotations

import time
from collections.abc import Callable

import click

from benchmarks.queue_bench import QueueBench, cpu_s, until
from benchmarks.queues import RUN_S, Measured
from benchmarks.ran import ran
from cluster.process import Child


def timed(
    bench: QueueBench,
    workers: list[Child],
    tasks: int,
    *,
    appear: Callable[[], object],
    held: Callable[[], int],
) -> Measured:
    """Measure from when the first task has run until all have, and are acknowledged.

    Raises click.UsageError, one line, if they all run before the first look.
    """

    def count() -> int:
        return ran(bench.ran, tasks)

    appear()
    until(count, RUN_S, workers[0])
    before_s = sum(map(cpu_s, workers))
    first, began_s = count(), time.perf_counter()
    until(lambda: count() >= tasks and not held(), RUN_S, workers[0])
    took_s = time.perf_counter() - began_s
    spent_s = sum(map(cpu_s, workers)) - before_s
    if count() != tasks:
        raise AssertionError(f"{count()} tasks ran instead of {tasks}")
    if first == tasks:
        raise click.UsageError("too short to be measured: use more tasks")
    timed_tasks = tasks - first
    return Measured(rate_per_s=timed_tasks / took_s, cpu_us=spent_s / timed_tasks * 1e6)
