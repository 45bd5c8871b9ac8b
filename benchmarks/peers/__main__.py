"""Compares how fast Celery on kombu_lease and other task queues run tasks that do nothing.

    python -m benchmarks.peers [--rounds 5] [--tasks 20000] [--only dramatiq]

The other libraries are dramatiq, taskiq and huey, all with Redis. Each is installed in an
environment of its own (`.venv-peer-…`), and tried with the settings in `libraries.py`, which suit 2
cores. In each round, every setting of every library runs once, in random order. "dramatiq, bare"
has none of dramatiq's middleware, so neither retries nor time limits. With taskiq, the task is a
coroutine.

All are measured in the same way:

- The library's own producer fills its queue beforehand. Workers start on an empty queue. When all
  of them wait for messages, the backlog appears at once: a list, stream or sorted set is renamed.
- Each task marks a byte in memory that its process shares with the benchmark (`benchmarks/ran.py`).
  This takes no system call and no lock, and is the same in all libraries.
- Time runs from the first look after a task has run, so how long an idle worker sleeps does not
  count, and only the tasks that run after that look do. It ends when all tasks have run and all
  messages are acknowledged. A look follows every 20 ms, so a rate is too low rather than too high.
- Workers store no results and log no single task. CPU time is that of the worker's processes.

Only libraries that run a task at least once, because they acknowledge its message after the run,
do the same work as Celery here; for them, the ratios are a comparison of equals. The others do less
for each task, and lose tasks if a worker is killed.

The machine must be quiet. Ratios are medians over the rounds.
"""

from __future__ import annotations

import random
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import celery
import click

from benchmarks.peers import guarantee, results
from benchmarks.peers.libraries import LIBRARIES, PeerSetting
from benchmarks.peers.peer import ROOT, Peer, version
from benchmarks.peers.timing import timed
from benchmarks.queue_bench import QUEUE, QueueBench, queue_bench
from benchmarks.queues import Measured, held
from benchmarks.queues_settings import SETTINGS, VARIANTS, Setting
from benchmarks.ran import ROOM
from cluster.machine import Machine

CELERY = "Celery with kombu_lease"
#: Those of `benchmarks.queues` that are compared.
POOLS = ("prefork", "threads", "solo, one per core")
LEASE = next(one for one in VARIANTS if one.name == "lease")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """One setting of one library."""

    library: str
    setting: str
    measure: Callable[[], Measured]


def _celery(bench: QueueBench, setting: Setting, tasks: int) -> Measured:
    with bench.workers(setting, LEASE) as workers:
        with bench.client.pipeline(transaction=False) as pipe:
            for message in bench.messages("counted", tasks):
                pipe.lpush("prepared", message)
            pipe.execute()
        return timed(
            bench,
            list(workers),
            tasks,
            appear=lambda: bench.client.rename("prepared", QUEUE),
            held=lambda: int(bench.client.llen(QUEUE)) + held(bench),
        )


def _peer(bench: QueueBench, peer: Peer, setting: PeerSetting, tasks: int) -> Measured:
    with peer.workers(setting) as worker:
        return timed(bench, [worker], tasks, appear=peer.appear, held=peer.held)


def _contestants(bench: QueueBench, peers: list[Peer], tasks: int) -> Iterator[Contestant]:
    for pool in (one for one in SETTINGS if one.name in POOLS):
        yield Contestant(
            library=CELERY, setting=pool.name, measure=partial(_celery, bench, pool, tasks)
        )
    for peer in peers:
        for setting in peer.library.settings:
            yield Contestant(
                library=peer.library.name,
                setting=setting.name,
                measure=partial(_peer, bench, peer, setting, tasks),
            )


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True)
@click.option("--tasks", type=click.IntRange(100, ROOM), default=20_000, show_default=True)
@click.option("--only", default="", help="Only other libraries whose name contains this.")
@click.option("--seed", default=1, show_default=True)
def main(rounds: int, tasks: int, only: str, seed: int) -> None:
    """Measure, and print guarantees, rates, CPU time per task and ratios."""
    chosen = [library for library in LIBRARIES if only in library.name]
    versions = [f"Celery {celery.__version__}"]
    versions += sorted({f"{one.pins} {version(one.pins)}" for one in chosen})
    click.echo(f"{Machine.this().cores} cores, {rounds} rounds, {tasks} tasks, seed {seed}")
    click.echo(", ".join(versions))
    with tempfile.TemporaryDirectory() as name, queue_bench(Path(name)) as bench:
        peers = [Peer(bench, library) for library in chosen]
        _show_guarantees(peers)
        for peer in peers:
            peer.fill(tasks)
        runs = _runs(list(_contestants(bench, peers, tasks)), rounds, seed)
    _summarize(peers, runs)


Runs = dict[str, dict[str, list[Measured]]]


def _runs(contestants: list[Contestant], rounds: int, seed: int) -> Runs:
    """Run every contestant once a round, in random order.

    A setting of another library whose worker fails is left out from then on.
    """
    order = random.Random(seed)  # noqa: S311 - no secret
    runs: Runs = defaultdict(dict)
    for one in contestants:  # in the order of the table
        runs[one.library][one.setting] = []
    for _ in range(rounds):
        for one in order.sample(contestants, len(contestants)):
            if one.setting not in runs[one.library]:
                continue
            try:
                found = one.measure()
            except AssertionError as error:
                if one.library == CELERY:
                    raise
                del runs[one.library][one.setting]
                why = str(error).splitlines()[0]
                click.echo(f"{one.library:24} {one.setting:30} left out: {why}", err=True)
                continue
            runs[one.library][one.setting].append(found)
            click.echo(
                f"{one.library:24} {one.setting:30} {found.rate_per_s:9,.0f} tasks/s "
                f"{found.cpu_us:7,.0f} µs CPU",
                err=True,
            )
    return runs


def _show_guarantees(peers: list[Peer]) -> None:
    click.echo(
        "\nWhat happens to tasks if their worker and all its processes are killed with SIGKILL:"
    )
    shown = [(CELERY, guarantee.LEASE, ROOT)]
    shown += [(peer.library.name, peer.library.guarantee, peer.folder()) for peer in peers]
    for name, promised, folder in shown:
        click.echo(f"{name} ({'at least once' if promised.at_least_once else 'loses tasks'})")
        for text in promised.lines(folder):
            click.echo(f"    {text}")


def _summarize(peers: list[Peer], runs: Runs) -> None:
    click.echo("\nMedians (smallest to largest); * marks the fastest setting of each library")
    for library, measured in ((one, found) for one, found in runs.items() if found):
        for text in results.table(library, measured):
            click.echo(text)
    for equal, title in ((True, "that also runs tasks at least once"), (False, "that loses tasks")):
        compared = [
            peer
            for peer in peers
            if peer.library.guarantee.at_least_once is equal and runs[peer.library.name]
        ]
        if compared:
            click.echo(f"\nCelery's rate divided by the fastest rate of each library {title}")
        for peer in compared:
            name = peer.library.name
            for text in results.ratios(runs[CELERY], name, runs[name]):
                click.echo(text)


if __name__ == "__main__":
    main()
