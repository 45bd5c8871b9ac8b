"""Measures what the probe costs: throughput of no-op tasks with and without it, in each pool.

    python -m benchmarks.overhead [--tasks 100] [--turns 30] [--workers 20] [--pools gevent]

Two workers of the same pool run at the same time, one of them with the probe, and take turns. The
turns are short because a machine's speed drifts within seconds, and the worker that begins changes
from turn to turn. Two identical processes never run at exactly the same speed, so each pair is
replaced by a new one after its turns. The total time of a pair's turns gives one ratio.
Both workers are timed from outside, in the same way: from the first message until the result of the
last task, the only one that stores a result. The CPU time of the workers is shown as well.

Exits with 1 if a pool certainly keeps less than 0.98 of its throughput.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks import ratio
from cluster.footprint import cpu_s
from cluster.local import LocalCluster, WorkerSpec
from cluster.process import Child
from cluster.reaper import Reaper
from cluster.wait import wait_until
from producer.plan import Work, burst
from producer.submit import SubmitOptions, Submitter
from tasks.celery import app, use_broker
from worker.pools import DEFAULT_POOLS, Pool, pool_named
from worker.probe import Clock

NO_OP = Work(task="cpu.burn", args=(0,))
SLOTS = 2
BOUND_S = 120.0
#: The share of the throughput that must remain with the probe.
KEPT = 0.98
#: The modules that each of the two workers includes.
INCLUDES = {"plain": "worker.startup", "probed": "worker.probe,worker.startup"}


@dataclass(slots=True)
class Turns:
    """The time that one worker took for its turns."""

    elapsed_s: float = 0.0
    cpu_s: float = 0.0  # of its process tree


@click.command()
@click.option("--tasks", type=click.IntRange(10), default=100, show_default=True)
@click.option("--turns", type=click.IntRange(1), default=30, show_default=True)
@click.option("--workers", type=click.IntRange(ratio.FEWEST), default=20, show_default=True)
@click.option("--pools", default=",".join(DEFAULT_POOLS), show_default=True)
def main(tasks: int, turns: int, workers: int, pools: str) -> None:
    """Measure the overhead of the probe."""
    app.loader.import_default_modules()
    click.echo(
        f"{workers} pairs of workers with {SLOTS} slots, {turns} turns of {tasks} no-op tasks each"
    )
    met = True
    with tempfile.TemporaryDirectory() as folder, LocalCluster(Path(folder)) as cluster:
        use_broker(cluster.broker_url)
        app.conf.update(broker_url=cluster.broker_url)
        for name in pools.split(","):
            met &= _measure(cluster, pool_named(name), tasks, turns, workers)
    if not met:
        sys.exit(f"failed: a pool keeps less than {KEPT} of its throughput")


def _measure(cluster: LocalCluster, pool: Pool, tasks: int, turns: int, workers: int) -> bool:
    plain, probed = [], []
    for _ in range(workers):
        reaper = Reaper()
        try:
            children = {name: _start(name, pool, cluster, reaper) for name in INCLUDES}
            done = _take_turns(cluster, children, tasks, turns)
            for child in children.values():
                child.kill()
        finally:
            reaper.close()
        plain.append(done["plain"])
        probed.append(done["probed"])
    throughput = ratio.by_pair([p.elapsed_s for p in plain], [p.elapsed_s for p in probed])
    cpu = ratio.by_pair([p.cpu_s for p in plain], [p.cpu_s for p in probed])
    click.echo(ratio.line(f"{pool.name}: throughput, with / without", throughput))
    click.echo(ratio.line(f"{pool.name}: CPU per task, without / with", cpu))
    return ratio.interval(throughput)[1] >= KEPT


def _start(name: str, pool: Pool, cluster: LocalCluster, reaper: Reaper) -> Child:
    """Start a worker and wait until it answers."""
    spec = WorkerSpec(
        name=name,
        pool=pool.name,
        concurrency=SLOTS,
        queues=(name,),
        broker_url=cluster.broker_url,
        flags=pool.flags,
    )
    command = spec.command()
    command[command.index("--include") + 1] = INCLUDES[name]
    log = cluster.folder / f"{pool.name}-{name}.log"
    child = Child(name, command, log=log, registry=reaper, env=spec.environment())
    wait_until(
        lambda: app.control.ping(destination=[spec.node], timeout=0.2),
        30.0,
        lambda: click.ClickException(f"{name} does not answer:\n{child.log_tail()}"),
    )
    return child


def _take_turns(
    cluster: LocalCluster, children: dict[str, Child], tasks: int, turns: int
) -> dict[str, Turns]:
    done = {name: Turns() for name in children}
    with app.connection_for_write(cluster.broker_url) as connection:
        submitter = Submitter(app, connection, Clock.read(cluster.redis))
        names = list(children)
        for number in range(-1, turns):  # the first turn warms up
            for name in names:
                before_s = cpu_s(children[name].pid)
                elapsed_s = _turn(submitter, name, tasks)
                if number >= 0:
                    done[name].elapsed_s += elapsed_s
                    done[name].cpu_s += cpu_s(children[name].pid) - before_s
            names.reverse()
    return done


def _turn(submitter: Submitter, queue: str, tasks: int) -> float:
    """Run one turn; return how many seconds it took."""
    started_s = time.perf_counter()
    submitter.submit(burst(NO_OP, tasks - 1), SubmitOptions(run="overhead", queue=queue))
    last = submitter.submit(
        burst(NO_OP, 1), SubmitOptions(run="overhead", queue=queue, store_result=True)
    ).ids[0]
    deadline = started_s + BOUND_S
    result = app.AsyncResult(last)
    while not result.ready():
        if time.perf_counter() > deadline:
            raise click.ClickException(
                f"the last of {tasks} tasks has no result after {BOUND_S:g} s"
            )
        time.sleep(0.002)
    return time.perf_counter() - started_s


if __name__ == "__main__":
    main()
