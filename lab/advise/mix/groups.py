"""Describes the tasks of a mix and the groups of a split, as results have them: pure."""

from __future__ import annotations

from collections.abc import Sequence

from lab.advise.answer.answer import command
from lab.advise.mix.parts import Part, TriedTask
from lab.advise.mix.split import QUEUES, Split
from lab.results.advice import MixedTask, WorkerGroup


def mixed_tasks(tasks: Sequence[TriedTask]) -> tuple[MixedTask, ...]:
    """Describe each task."""
    return tuple(
        MixedTask(
            name=task.name,
            weight=task.weight,
            queue=QUEUES[0 if task.computes else 1],
            profile=task.tried.profile,
        )
        for task in tasks
    )


def worker_groups(
    split: Split,
    parts: Sequence[Part],
    peaks: Sequence[int],
    app: str,
    worker_pool: object,
) -> tuple[WorkerGroup, ...]:
    """Describe each group, with its part of the mix and the most memory that it has used.

    `worker_pool` is the setting of the app.
    """
    return tuple(
        WorkerGroup(
            queue=queue,
            tasks=part.mix.tasks,
            pool=group.pool.name,
            concurrency=group.concurrency,
            workers=group.workers,
            command=f"{command(group, app, worker_pool)} --queues {queue}",
            peak_pss_bytes=peak,
        )
        for queue, part, group, peak in zip(QUEUES, parts, split.groups, peaks, strict=True)
    )
