"""`poolwise up`: a cluster of broker, workers and Flower that runs until Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import click

from cluster.local import LocalCluster
from cluster.machine import Machine
from cluster.ports import HIGHEST_PORT, claimed_port
from cluster.program import celery_program, program
from cluster.workers import RunningWorker, WorkerSpec
from lab.commands import broker_options, shared_options
from lab.commands.option_types import WholeRange
from lab.commands.streams import say
from lab.format import words
from lab.session.folders import run_folder
from lab.session.room import check_chosen, check_room
from producer import broker_words
from producer.address import redacted
from tasks.errors import UsageError
from worker.pools import DEFAULT_POOLS, POOLS, Nature, Pool

#: Seconds between two checks that everything still runs.
LOOK_S = 1.0
#: The default ports of Flower and Redis.
FLOWER_PORT = 5555
BROKER_PORT = 6379


@click.command()
@click.option(
    "--pools",
    metavar="LIST",
    default=",".join(DEFAULT_POOLS),
    show_default=True,
    help=f"Pools to start a worker for, separated by commas: {', '.join(POOLS)}.",
)
@click.option(
    "--concurrency",
    metavar="LIST",
    default="",
    help="Concurrency per pool, such as prefork=4,gevent=200. [default: the number of cores for "
    "prefork, 100 for threads and gevent]",
)
@click.option(
    "--flower-port",
    type=WholeRange(0, HIGHEST_PORT),
    default=FLOWER_PORT,
    show_default=True,
    help="Flower's port on loopback; 0 picks a free port.",
)
@click.option(
    "--port",
    type=WholeRange(0, HIGHEST_PORT),
    default=BROKER_PORT,
    show_default=True,
    help="The embedded broker's port on loopback; 0 picks a free port.",
)
@broker_options.any_broker
@shared_options.transport
@shared_options.out
def up(
    *, pools: str, concurrency: str, flower_port: int, port: int, out: Path, **named: Any
) -> int:
    """Run a cluster on this machine until Ctrl-C.

    Starts a broker, one worker per pool and Flower.

    Each worker consumes the queue named after its pool. The prefork worker also consumes `cpu`, and
    each of the others also consumes `io`. If no worker would consume one of these two queues, the
    first pool's worker does.

    \b
    Example:
      poolwise up
      poolwise up --pools gevent --concurrency gevent=500 --flower-port 0
    """
    chosen = shared_options.pools_named(pools)
    slots = shared_options.parse_concurrency(concurrency)
    check_chosen(slots, chosen)
    broker = broker_options.chosen_broker(named, on_running=False)
    if flower_port == port != 0 and not broker.url:
        raise UsageError(
            f"Flower and the broker cannot share port {port}: choose another with --flower-port"
        )
    machine = Machine.this()
    for pool in chosen:
        check_room(pool, _concurrency(pool, slots, machine.cores), machine)
    flower_at = claimed_port(flower_port, "Flower")
    broker_at = 0 if broker.url else claimed_port(port, "the broker")
    with (
        run_folder(out, "up", datetime.now()) as folder,
        LocalCluster(folder, broker.url, broker_at, advice=broker.advice) as cluster,
        cluster.blamed(),
    ):
        specs = _specs(chosen, slots, machine.cores, cluster.broker_url)
        workers_text = "1 worker" if len(specs) == 1 else f"{len(specs)} workers"
        say(f"starting {workers_text} and Flower …", progress=True)
        workers = cluster.start_workers(specs)
        _, url = cluster.start_flower(flower_at)
        _announce(cluster, workers, url, broker.options)
        _stay(cluster, workers)


def _specs(
    pools: Sequence[Pool], slots: dict[str, int], cores: int, broker_url: str
) -> list[WorkerSpec]:
    served = {_nature(pool) for pool in pools}
    left = [queue for queue in ("cpu", "io") if queue not in served]
    return [
        WorkerSpec(
            name=pool.name,
            pool=pool.name,
            concurrency=_concurrency(pool, slots, cores),
            queues=(pool.name, _nature(pool), *(left if pool is pools[0] else ())),
            broker_url=broker_url,
            events=True,
            flags=pool.flags,
        )
        for pool in pools
    ]


def _concurrency(pool: Pool, slots: Mapping[str, int], cores: int) -> int:
    return slots.get(pool.name) or pool.default_concurrency(_nature(pool), cores)


def _nature(pool: Pool) -> Nature:
    return "cpu" if pool.parallel_python else "io"


def _announce(
    cluster: LocalCluster,
    workers: list[RunningWorker],
    flower_url: str,
    options: Mapping[str, Any],
) -> None:
    url = redacted(cluster.broker_url)
    say(f"Flower   {flower_url}")
    say(f"charts   {flower_url}/throughput")
    say(f"broker   {url}")
    for worker in workers:
        spec = worker.spec
        pool = words.pool(spec.pool, spec.concurrency)
        say(f"worker   {spec.node}: {pool}, queues {', '.join(spec.queues)}")
    say(f"logs     {cluster.folder}")
    broker = broker_words.variables(url, options)
    say(f"try      {broker} {celery_program()} -A tasks call cpu.burn --args='[1000]'")
    first = workers[0].spec
    other = next(pool for pool in POOLS if pool != first.pool)
    flags = broker_words.flags(url, options)
    say(f"switch   {program()} switch {first.name} --pool {other} {flags}")
    say("Ctrl-C stops everything.")


def _stay(cluster: LocalCluster, workers: list[RunningWorker]) -> NoReturn:
    """Wait for Ctrl-C.

    Raises BrokerError or WorkerError if one of the processes exits by itself.
    """
    try:
        while True:
            time.sleep(LOOK_S)
            cluster.check(worker.child for worker in workers)
    except KeyboardInterrupt:
        say("stopping …", progress=True)
        raise
