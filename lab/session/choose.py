"""Which of the workers that already run a session borrows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cluster.discovery import DiscoveredWorker, discover_workers
from cluster.program import celery_program, program
from lab.format import words
from lab.session.session import Session
from producer.broker_words import variables
from tasks.errors import WorkerError
from tasks.transport_options import placing

_HINT: Final = (
    "if their project sets broker_transport_options, such as global_keyprefix, add -A PROJECT or "
    "--transport-options"
)

#: A task that every worker of Poolwise knows, and no other project.
KNOWN_TASK = "cpu.burn"


@dataclass(frozen=True, slots=True, kw_only=True)
class BorrowRequest:
    """What a run needs of the workers that already run."""

    user: str  # who needs them, for messages: "the race", "gil"
    pools: tuple[str, ...]  # one worker of each, if there is one
    required: frozenset[str] = frozenset()  # pools that must not be missing
    tasks: frozenset[str]  # names of the tasks that each must know
    least_concurrency: int = 1


def choose_running(session: Session, request: BorrowRequest) -> dict[str, DiscoveredWorker]:
    """Find running workers, and return the one to borrow for each pool.

    Raises WorkerError if no worker answers, none fits, or a required pool is missing.
    """
    found = discover_workers(session.remote)
    if not found:
        raise WorkerError(no_worker(session.url, session.transport_options))
    large_enough = [one for one in found if one.concurrency >= request.least_concurrency]
    if not large_enough:
        node = next((one.node for one in found if not _unable(one, request.tasks)), "NODE")
        raise WorkerError(
            f"{request.user} needs workers with {request.least_concurrency} slots or more, but no "
            f"worker at {session.url} has that many; change one with: "
            f"{program()} switch {node} --pool threads --concurrency 4 {session.broker_flags}"
        )
    best = choose(large_enough, request.pools, request.tasks)
    for pool in request.pools:
        if pool in request.required and pool not in best:
            raise WorkerError(_missing(session, request, pool, found))
    return best


def no_worker(url: str, options: Mapping[str, Any]) -> str:
    """Say that no worker answers, and how to find or to start one."""
    shown = placing(options)
    with_options = f" with the transport options {json.dumps(shown)}" if shown else ""
    hint = "" if shown else f"{_HINT}; "
    return (
        f"no worker answers at {url}{with_options}: if yours are busy, try again; {hint}or start "
        f"one with: {variables(url, options)} {celery_program()} -A tasks worker "
        "-I worker.probe,worker.startup"
    )


def choose(
    found: Sequence[DiscoveredWorker], pools: Sequence[str], tasks: frozenset[str]
) -> dict[str, DiscoveredWorker]:
    """Return the worker to borrow for each of `pools` that has one which can be borrowed.

    Of several, the one with a queue named after its pool is preferred, then one with a queue that
    no other worker consumes. Raises WorkerError, with each worker's reason, if none can.
    """
    able = [worker for worker in found if not _unable(worker, tasks)]
    best: dict[str, DiscoveredWorker] = {}
    for worker in sorted(able, key=lambda worker: (_rank(worker, found), worker.node)):
        if worker.pool in pools:
            best.setdefault(worker.pool, worker)
    if not best:
        reasons = "; ".join(_reasons(found, pools, tasks))
        raise WorkerError(f"none of the running workers can be used: {reasons}")
    return best


def _missing(
    session: Session, request: BorrowRequest, pool: str, found: Sequence[DiscoveredWorker]
) -> str:
    there = ", ".join(f"{one.node}: {words.pool(one.pool, one.concurrency)}" for one in found)
    least = request.least_concurrency
    size = f" with {least} slots or more" if least > 1 else ""
    return (
        f"{request.user} needs a {pool} worker{size}, but no suitable one answers at "
        f"{session.url} (running: {there}); change one with: {program()} switch NODE "
        f"--pool {pool}{' --concurrency 4' if least > 1 else ''} {session.broker_flags}"
    )


def _rank(worker: DiscoveredWorker, found: Sequence[DiscoveredWorker]) -> int:
    if worker.pool in worker.queues:
        return 0
    others = {queue for other in found if other is not worker for queue in other.queues}
    return 1 if set(worker.queues) - others else 2


def _unable(worker: DiscoveredWorker, tasks: frozenset[str]) -> str:
    if KNOWN_TASK not in worker.tasks:
        return (
            "belongs to another project, and this command runs only Poolwise's own tasks: start a "
            f"worker with {celery_program()} -A tasks worker -I worker.probe,worker.startup"
        )
    if not worker.probe:
        return "has no probe: start it with -I worker.probe"
    missing = sorted(tasks - worker.tasks)
    return (
        f"does not know {missing[0]}: restart it with this version of Poolwise" if missing else ""
    )


def _reasons(
    found: Sequence[DiscoveredWorker], pools: Sequence[str], tasks: frozenset[str]
) -> list[str]:
    wanted = " or ".join(pools)
    change = f"change it with {program()} switch"
    return [
        f"{one.node} {_unable(one, tasks) or f'is {one.pool}, not {wanted}: {change}'}"
        for one in found
    ]
