"""Repeats a published measurement: what five SIGKILLs do to 500 tasks of half a second.

    python -m benchmarks.five_kills [--tasks 500] [--kills 5] [--repeats 3] [--seed 1]

A prefork worker with four slots runs 500 tasks that each take 0.5 s. Five times, it is killed with
all its processes and started again, as a supervisor does. Celery's defaults are said to deliver
92 % of the tasks. This measures them next to late acknowledgement with rejection on loss, and to
Poolwise's settings; all at the same time, each with its own broker.

"delivered" counts tasks that ended within a minute or so of the last kill; "held" are those that
Redis hands out again only after the visibility timeout.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from cluster.local import LocalCluster
from lab.chaos.cell import settle
from lab.chaos.faults.workers import kill_tree
from lab.chaos.judge import Evidence, account
from lab.chaos.trial.delivery import Delivery, delivery_named
from lab.chaos.trial.leftovers import left_ids
from lab.chaos.trial.trial import TrialSpec, running_trial
from lab.results.chaos import CellAccount
from worker.pools import POOLS

#: The settings that are compared.
COMPARED = ("defaults", "reject-on-lost", "poolwise")
#: How long a task takes, and the seconds between two kills.
TASK_S, APART_S = 0.5, 8.0


@click.command()
@click.option("--tasks", type=click.IntRange(1), default=500, show_default=True)
@click.option("--kills", type=click.IntRange(0), default=5, show_default=True)
@click.option("--repeats", type=click.IntRange(1), default=3, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(tasks: int, kills: int, repeats: int, seed: int) -> None:
    """Measure all settings at the same time, several times."""
    click.echo(f"{tasks} tasks of {TASK_S:g} s, prefork x4, {kills} SIGKILLs, seed {seed}")
    names = [delivery_named(name) for name in COMPARED]
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(Path(folder)) as cluster,
        ThreadPoolExecutor(len(names)) as threads,
    ):
        for repeat in range(1, repeats + 1):

            def one(delivery: Delivery, repeat: int = repeat) -> CellAccount:
                spec = TrialSpec(
                    name=f"{delivery.name}-{repeat}",
                    pool=POOLS["prefork"],
                    delivery=delivery,
                    seed=seed + repeat,
                    workers=1,
                    task_s=TASK_S,
                    tasks=tasks,
                )
                return _delivered(spec, cluster, Path(folder), kills)

            _print(repeat, names, list(threads.map(one, names)))


def _delivered(spec: TrialSpec, cluster: LocalCluster, folder: Path, kills: int) -> CellAccount:
    stop = threading.Event()
    with running_trial(spec, cluster, folder / spec.name, stop) as trial:
        faults = []
        for _ in range(kills):
            trial.pause(APART_S)
            faults.append(kill_tree(trial))
            trial.replace_dead()
        trial.until(lambda: trial.book.submitted == spec.tasks, 60, "not all tasks were sent")
        settle(trial)
        sent, lines = trial.book.closed()
        left = left_ids(trial.broker.client)
    return account(Evidence(sent=sent, lines=lines, faults=faults, left=left))


def _print(repeat: int, names: Sequence[Delivery], accounts: Sequence[CellAccount]) -> None:
    for delivery, one in zip(names, accounts, strict=True):
        click.echo(
            f"  repeat {repeat}  {delivery.name:<15} delivered {one.finished / one.submitted:.1%}"
            f"  ({one.finished} of {one.submitted}; {one.lost} lost, {one.held} held, "
            f"{one.failed} failed, {one.twice_by_fault + one.twice_otherwise} run twice)"
        )


if __name__ == "__main__":
    main()
