"""Faults that a task causes: its process exits, crashes or is killed for memory; MemoryError."""

from __future__ import annotations

import time
from typing import Final
from uuid import uuid4

import psutil

from cluster.reaper import remove_control_group
from lab.chaos.faults import control_group
from lab.chaos.faults.fault import Fault
from lab.chaos.faults.single_task import send
from lab.chaos.trial.injected import Injected
from lab.chaos.trial.trial import Trial
from tasks.chaos.ledger import Line

#: Seconds until the task has run, until its process has ended, and until it runs again.
RUNS_S, ENDS_S, AGAIN_S = 30.0, 15.0, 8.0
#: A task that is to be killed for memory takes no more bytes than this, even if it is not killed.
MOST_BYTES: Final = 4 * control_group.LIMIT


def leave(trial: Trial) -> Injected:
    """End a process from inside with `os._exit`."""
    return _death(trial, "chaos.exit")


def segfault(trial: Trial) -> Injected:
    """Crash a process."""
    return _death(trial, "chaos.segfault")


def out_of_memory(trial: Trial) -> Injected:
    """Make the kernel kill a process for the memory that it uses."""
    name = f"poolwise-{uuid4().hex[:12]}"
    group = control_group.create(name, trial.registry)
    try:
        return _death(trial, "chaos.out_of_memory", str(group), MOST_BYTES)
    finally:
        remove_control_group(group)


def memory_error(trial: Trial) -> Injected:
    """Raise MemoryError in a task; no process ends."""
    start = _sent(trial, "chaos.memory_error")
    trial.within(lambda: trial.book.starts_of(start.task_id)[1:], AGAIN_S)
    return Injected(
        at_s=start.at_s,
        until_s=time.monotonic(),
        hit=True,
        interrupted={start.task_id: start.at_s},
        text=f"process {start.pid}",
    )


def _death(trial: Trial, task: str, *arguments: object) -> Injected:
    """Send a task that ends its process; what else ran in that process is interrupted too."""
    start = _sent(trial, task, *arguments)
    ended = trial.within(lambda: _is_gone(start.pid), ENDS_S)
    interrupted = {**trial.book.running([start.pid]), start.task_id: start.at_s}
    return Injected(
        at_s=start.at_s,
        until_s=time.monotonic(),
        hit=ended,
        interrupted=interrupted,
        text=f"process {start.pid}",
    )


def _sent(trial: Trial, task: str, *arguments: object) -> Line:
    """Send one task among the others; return its first start."""
    trial.busy_worker()
    task_id = send(trial, task, *arguments)
    trial.until(lambda: trial.book.starts_of(task_id), RUNS_S, f"{task} does not run")
    return trial.book.starts_of(task_id)[0]


def _is_gone(pid: int) -> bool:
    """Return whether a process has ended, even if its parent has not noticed yet."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


TASK_FAULTS: Final = (
    Fault(
        name="exit",
        text="a task ends its process with os._exit",
        target="worker",
        inject=leave,
    ),
    Fault(
        name="segfault",
        text="a task crashes its process",
        target="worker",
        inject=segfault,
    ),
    Fault(
        name="memory-kill",
        text="the kernel kills a process because a task exceeds a memory limit",
        target="worker",
        inject=out_of_memory,
        cannot=control_group.why_none,
    ),
    Fault(
        name="memory-error",
        text="a task raises MemoryError",
        target="worker",
        inject=memory_error,
    ),
)
