"""What the probe costs: throughput of no-op tasks with it against without, in turn, in each pool.

    python -m benchmarks.overhead [--tasks 2000] [--rounds 11] [--pools prefork,threads,gevent]

Two workers of a pool stand side by side, one with the probe; they take turns, and who begins
changes from round to round. Both are timed from outside and alike: from the first message until
the last one, which alone stores a result, has one.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path

import click

from benchmarks import ratio
from cluster.local import LocalCluster, WorkerSpec
from cluster.process import Child
from cluster.reaper import Reaper
from cluster.wait import wait_until
from producer.plan import Work, burst
from producer.submit import Order, Submitter
from tasks.celery import app, use_broker
from worker.pools import DEFAULT_POOLS, Pool, pool_named
from worker.probe import Clock

NO_OP = Work(task="cpu.burn", args=(0,))
SLOTS = 2
BOUND_S = 120.0


@click.command()
@click.option("--tasks", default=2_000, show_default=True)
@click.option("--rounds", default=11, show_default=True)
@click.option("--pools", default=",".join(DEFAULT_POOLS), show_default=True)
def main(tasks: int, rounds: int, pools: str) -> None:
    """Measure and print."""
    app.loader.import_default_modules()
    click.echo(f"{tasks} no-op tasks a run, {rounds} pairs, concurrency {SLOTS}")
    with tempfile.TemporaryDirectory() as folder, LocalCluster(Path(folder)) as cluster:
        use_broker(cluster.broker_url)
        app.conf.update(broker_url=cluster.broker_url)
        for name in pools.split(","):
            _measure(cluster, pool_named(name), tasks, rounds)


def _measure(cluster: LocalCluster, pool: Pool, tasks: int, rounds: int) -> None:
    plain = WorkerSpec(
        name=f"{pool.name}-plain",
        pool=pool.name,
        concurrency=SLOTS,
        queues=(f"{pool.name}-plain",),
        broker_url=cluster.broker_url,
        flags=pool.flags,
    )
    probed = replace(plain, name=f"{pool.name}-probed", queues=(f"{pool.name}-probed",))
    reaper = Reaper()
    without = _start_without_probe(plain, cluster.folder, reaper)
    [worker] = cluster.start_workers([probed])
    rates: dict[str, list[float]] = {plain.name: [], probed.name: []}
    try:
        with app.connection_for_write(cluster.broker_url) as connection:
            submitter = Submitter(app, connection, Clock.read(cluster.redis))
            for number in range(-1, rounds):  # the first pair warms up
                for spec in (plain, probed) if number % 2 else (probed, plain):
                    rate = _rate(submitter, spec.queues[0], tasks)
                    if number >= 0:
                        rates[spec.name].append(rate)
    finally:
        without.stop(1.0)
        cluster.stop([worker.child], 1.0)
        reaper.close()
    median = sorted(rates[plain.name])[rounds // 2]
    label = f"{pool.name}: with / without ({median:,.0f}/s)"
    click.echo(ratio.line(label, rates[probed.name], rates[plain.name]))


def _start_without_probe(spec: WorkerSpec, folder: Path, reaper: Reaper) -> Child:
    """Start the same worker less the probe, and wait until it answers."""
    command = spec.command()
    at = command.index("--include")
    command[at : at + 2] = ["--include", "worker.startup"]
    log = folder / f"{spec.name}.log"
    child = Child(spec.name, command, log=log, leash=reaper, env=spec.environment())
    wait_until(
        lambda: app.control.ping(destination=[spec.node], timeout=0.2),
        30.0,
        lambda: click.ClickException(f"{spec.name} does not answer:\n{child.log_tail()}"),
    )
    return child


def _rate(submitter: Submitter, queue: str, tasks: int) -> float:
    """Return tasks per second of one run."""
    started_s = time.perf_counter()
    submitter.submit(burst(NO_OP, tasks - 1), Order(run="overhead", queue=queue))
    last = submitter.submit(
        burst(NO_OP, 1), Order(run="overhead", queue=queue, store_result=True)
    ).ids[0]
    deadline = started_s + BOUND_S
    result = app.AsyncResult(last)
    while not result.ready():
        if time.perf_counter() > deadline:
            raise click.ClickException(f"the last of {tasks} tasks has no result")
        time.sleep(0.001)
    return tasks / (time.perf_counter() - started_s)


if __name__ == "__main__":
    main()
