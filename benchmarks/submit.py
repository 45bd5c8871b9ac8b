"""Compares bulk submission of identical tasks with a loop of `.delay()`.

    python -m benchmarks.submit [--tasks 2000] [--rounds 7]

In each round, on an embedded broker: the `.delay()` loop, kombu's batches and our message template.
If `redis-benchmark` is installed, its pipelined LPUSH of messages of the same size shows the
server's own limit.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
from kombu import Connection

from benchmarks import ratio
from cluster.local import LocalCluster
from producer import broker
from producer.plan import Work, burst
from producer.statistics import spread
from producer.submit import SubmitOptions, batching, stamping
from tasks.celery import app, use_broker

WORK = Work(task="cpu.burn", args=(1_000,))
OPTIONS = SubmitOptions(run="benchmark", queue="benchmark")


@click.command()
@click.option("--tasks", type=click.IntRange(1), default=2_000, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=7, show_default=True)
def main(tasks: int, rounds: int) -> None:
    """Measure the throughput of each way to submit tasks."""
    app.loader.import_default_modules()
    with tempfile.TemporaryDirectory() as folder, LocalCluster(Path(folder)) as cluster:
        use_broker(cluster.broker_url)
        app.conf.update(broker_url=cluster.broker_url)
        with app.connection_for_write(cluster.broker_url) as connection:
            click.echo(f"{tasks} tasks of {WORK.task}, {rounds} rounds, "
                       f"{broker.version(cluster.redis)}")  # fmt: skip
            _compare(cluster, _ways(connection, tasks), tasks, rounds)


def _ways(connection: Connection, tasks: int) -> dict[str, Callable[[], None]]:
    """Return each way of submitting `tasks` tasks, by name."""
    plan = burst(WORK, tasks)
    ids = [f"{number:032x}" for number in range(tasks)]
    task = app.tasks[WORK.task]

    def delay() -> None:
        for _ in range(tasks):  # what `.delay()` does, but to our own queue and without a result
            task.apply_async(WORK.args, queue=OPTIONS.queue, ignore_result=True)

    def batches() -> None:
        batching(app, connection, WORK, OPTIONS)(ids, plan.due_s, 0.0)

    def stamped() -> None:
        push = stamping(app, connection, WORK, OPTIONS)
        for start in range(0, tasks, 1_000):
            push(ids[start : start + 1_000], plan.due_s[start : start + 1_000], 0.0)

    return {"delay loop": delay, "kombu batch": batches, "stamped": stamped}


def _compare(
    cluster: LocalCluster, ways: dict[str, Callable[[], None]], tasks: int, rounds: int
) -> None:
    rates: dict[str, list[float]] = {name: [] for name in ways}
    server: list[float] = []
    size = 0
    for number in range(-1, rounds):  # the first round warms up
        for name, submit in ways.items():
            started_s = time.perf_counter()
            submit()
            rate = tasks / (time.perf_counter() - started_s)
            waiting = cluster.redis.llen(OPTIONS.queue)
            if waiting != tasks:
                raise click.ClickException(f"{name}: {waiting} of {tasks} messages arrived")
            size = len(cluster.redis.lindex(OPTIONS.queue, 0) or b"")
            cluster.redis.delete(OPTIONS.queue)
            if number >= 0:
                rates[name].append(rate)
        if number >= 0:
            server += _server_rate(cluster, size, tasks)
    for name, values in rates.items():
        click.echo(f"{name:<14} {spread(values).median:10,.0f} tasks/s")
    for name in ("kombu batch", "stamped"):
        ratios = ratio.by_pair(rates[name], rates["delay loop"])
        click.echo(ratio.line(f"{name} / delay loop", ratios))
    if server:
        ratios = ratio.by_pair(rates["stamped"], server)
        click.echo(ratio.line("stamped / redis-benchmark LPUSH", ratios))
    else:
        click.echo("redis-benchmark is not on PATH, so the server's own limit was not measured")


def _server_rate(cluster: LocalCluster, size: int, tasks: int) -> list[float]:
    """Return how many messages per second redis-benchmark pushes, a thousand per pipeline."""
    program = shutil.which("redis-benchmark") or shutil.which("valkey-benchmark")
    if program is None:
        return []
    port = cluster.broker_url.rpartition(":")[2].partition("/")[0]
    options = ["-p", port, "-c", "1", "-P", "1000", "-n", str(10 * tasks), "-d", str(size)]
    done = subprocess.run(
        [program, *options, "-t", "lpush", "--csv"], capture_output=True, text=True, check=True
    )
    cluster.redis.delete("mylist")
    return [float(done.stdout.strip().splitlines()[-1].split(",")[1].strip('"'))]


if __name__ == "__main__":
    main()
