"""Faults of worker processes: killed, stalled, shut down in the middle of their tasks."""

from __future__ import annotations

import os
import signal
import time
from typing import Final

import psutil

from lab.chaos.faults.fault import Fault
from lab.chaos.faults.shutdown import SHUTDOWN_S, completed
from lab.chaos.trial.injected import Injected
from lab.chaos.trial.trial import TASK_S, Trial, TrialWorker
from worker.pools import Pool

#: Seconds that a stalled worker is stopped: longer than Poolwise's workers take to be missed.
STALL_S: Final = 20.0
#: Seconds of grace that are too short for a task, and how long the tasks take meanwhile.
SHORT_GRACE_S, LONG_TASK_S = 0.5, 2.0


def kill_child(trial: Trial) -> Injected:
    """Kill a process of the pool that runs a task."""
    worker = trial.busy_worker()
    main = psutil.Process(worker.child.pid)
    children = {one.pid for one in main.children()}
    busy = [pid for pid in sorted(children) if trial.book.running([pid])]
    if not busy:
        return _missed(f"no process of {_name(worker)} ran a task")
    pid = trial.random.choice(busy)
    return _killed(trial, [pid], f"process {pid} of {_name(worker)}")


def kill_worker(trial: Trial) -> Injected:
    """Kill the worker's main process; its supervisor kills the rest of its group right after.

    The supervisor is `Trial.replace_dead`, some 40 ms later. systemd would end that rest, too.
    """
    worker = trial.busy_worker()
    return _killed(trial, [worker.child.pid], _name(worker), holding=worker)


def kill_tree(trial: Trial) -> Injected:
    """Kill the main process and every process of its pool."""
    worker = trial.busy_worker()
    pids = sorted(worker.pids())
    return _killed(trial, pids, f"{_name(worker)}, {len(pids)} processes", holding=worker)


def stall(trial: Trial) -> Injected:
    """Stop the whole worker for longer than any time-out, then continue it."""
    worker = trial.busy_worker()
    pids = sorted(worker.pids())
    at_s = time.monotonic()
    _signal(pids, signal.SIGSTOP)
    interrupted = trial.book.running(pids)
    try:
        trial.pause(STALL_S)
    finally:
        _signal(pids, signal.SIGCONT)
    return Injected(
        at_s=at_s,
        until_s=time.monotonic(),
        hit=bool(interrupted),
        interrupted=interrupted,
        text=f"{_name(worker)} for {STALL_S:g} s",
    )


def warm_shutdown(trial: Trial) -> Injected:
    """SIGTERM: the worker ends its running tasks, then itself."""
    return _shut_down(trial, signal.SIGTERM)


def cold_shutdown(trial: Trial) -> Injected:
    """SIGQUIT: the worker leaves its running tasks and ends."""
    return _shut_down(trial, signal.SIGQUIT)


def impatient_orchestrator(trial: Trial) -> Injected:
    """SIGTERM, then SIGKILL after a grace period that is shorter than a task."""
    usual_s, trial.feeder.task_s = trial.feeder.task_s, LONG_TASK_S
    try:
        worker = trial.random.choice(trial.workers)
        trial.until(lambda: _in_a_long_task(trial, worker), SHUTDOWN_S, "no worker runs long tasks")
        os.kill(worker.child.pid, signal.SIGTERM)
        trial.pause(SHORT_GRACE_S)
        return _killed(trial, sorted(worker.pids()), _name(worker), holding=worker)
    finally:
        trial.feeder.task_s = usual_s


def deploy(trial: Trial) -> Injected:
    """Replace every worker under load: start a new one, shut an old one down, and so on."""
    at_s = time.monotonic()
    held: set[str] = set()
    interrupted: dict[str, float] = {}
    notes = []
    for old in tuple(trial.workers):
        trial.start_more(1)
        held |= trial.running_in(old).keys()
        old.child.ask_to_stop()
        ended = completed(trial, old)
        interrupted |= ended.interrupted
        notes += [ended.note] if ended.note else []
        trial.dismiss(old)
    return Injected(
        at_s=at_s,
        until_s=time.monotonic(),
        hit=bool(held),
        interrupted=interrupted,
        text=f"{len(trial.workers)} workers",
        note="; ".join(notes),
    )


def _in_a_long_task(trial: Trial, worker: TrialWorker) -> bool:
    """Return whether a worker runs a long task that will outlast the grace period."""
    now_s = time.monotonic()
    most_s = LONG_TASK_S - 2 * SHORT_GRACE_S
    return any(3 * TASK_S < now_s - at_s < most_s for at_s in trial.running_in(worker).values())


def _shut_down(trial: Trial, number: signal.Signals) -> Injected:
    worker, held = trial.busy()
    at_s = time.monotonic()
    os.kill(worker.child.pid, number)
    ended = completed(trial, worker)
    interrupted = {**ended.interrupted, **trial.book.unended(held)}
    return Injected(
        at_s=at_s,
        until_s=time.monotonic(),
        hit=bool(held),
        interrupted=interrupted,
        text=_name(worker),
        note=ended.note,
    )


def _killed(
    trial: Trial, pids: list[int], text: str, holding: TrialWorker | None = None
) -> Injected:
    """Kill processes; the tasks that they ran, or that ran in `holding`, are interrupted."""
    all_pids = holding.pids() if holding else frozenset(pids)
    at_s = time.monotonic()
    alive = _signal(pids, signal.SIGKILL)
    if holding is not None:
        trial.until(lambda: not holding.child.alive, SHUTDOWN_S, "a killed worker does not end")
    interrupted = trial.book.running(all_pids)
    return Injected(
        at_s=at_s,
        until_s=time.monotonic(),
        hit=bool(alive and interrupted),
        interrupted=interrupted,
        text=text,
    )


def _signal(pids: list[int], number: signal.Signals) -> list[int]:
    """Send a signal to processes; return those that were there."""
    there = []
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
        there.append(pid)
    return there


def _missed(text: str) -> Injected:
    now_s = time.monotonic()
    return Injected(at_s=now_s, until_s=now_s, hit=False, text=text)


def _name(worker: TrialWorker) -> str:
    spec = worker.running.spec
    return f"the {spec.pool} worker {spec.name}"


def _has_children(pool: Pool) -> bool:
    return pool.slot == "process"


WORKER_FAULTS: Final = (
    Fault(
        name="kill-child",
        text="kill -9 of a process of the pool",
        target="worker",
        inject=kill_child,
        only=_has_children,
        default=True,
    ),
    Fault(
        name="kill-worker",
        text="kill -9 of the worker's main process, and right after of what is left of its group",
        target="worker",
        inject=kill_worker,
        default=True,
    ),
    Fault(
        name="kill-tree",
        text="kill -9 of the worker and all its processes at once",
        target="worker",
        inject=kill_tree,
        only=_has_children,
    ),
    Fault(
        name="stall",
        text=f"SIGSTOP for {STALL_S:g} s, then SIGCONT",
        target="worker",
        inject=stall,
    ),
    Fault(
        name="warm-shutdown",
        text="SIGTERM under load",
        target="worker",
        inject=warm_shutdown,
        default=True,
    ),
    Fault(
        name="cold-shutdown",
        text="SIGQUIT under load",
        target="worker",
        inject=cold_shutdown,
        default=True,
    ),
    Fault(
        name="short-grace",
        text=f"SIGTERM, then SIGKILL after {SHORT_GRACE_S:g} s, while tasks take {LONG_TASK_S:g} s",
        target="worker",
        inject=impatient_orchestrator,
        default=True,
    ),
    Fault(
        name="deploy",
        text="all workers replaced, one by one",
        target="worker",
        inject=deploy,
    ),
)
