"""Faults of the wall clock: a worker whose clock is off, while tasks with an ETA are sent."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Final

from lab.chaos.faults.fault import Fault
from lab.chaos.faults.shutdown import Shutdown, completed
from lab.chaos.faults.single_task import send
from lab.chaos.trial.injected import Injected
from lab.chaos.trial.trial import TASK_S, Trial, TrialWorker

#: Seconds by which the clock is off.
OFF_S: Final = 300
#: Seconds that the worker takes part.
TAKES_PART_S: Final = 6.0
#: Tasks with an ETA that are sent meanwhile, and how many seconds ahead it is.
ETA_TASKS, ETA_S = 24, 2.0


def clock_off(shift_s: float) -> Callable[[Trial], Injected]:
    """Return a fault: a worker whose clock is off joins for a while, then shuts down."""

    def inject(trial: Trial) -> Injected:
        launcher = (sys.executable, "-m", "tasks.chaos.shifted_clock", str(shift_s))
        [worker] = trial.start_more(1, launcher=launcher)
        at_s = time.monotonic()
        pids = worker.pids()
        for _ in range(ETA_TASKS):
            send(trial, "chaos.work", TASK_S, delay_s=ETA_S)
            trial.pause(TAKES_PART_S / ETA_TASKS)
        took_part = trial.book.started_since(at_s, pids)
        left = _leave(trial, worker)
        return Injected(
            at_s=at_s,
            until_s=time.monotonic(),
            hit=took_part,
            interrupted=left.interrupted,
            text=f"{worker.running.spec.name}, {shift_s:+g} s",
            note=left.note,
        )

    return inject


def _leave(trial: Trial, worker: TrialWorker) -> Shutdown:
    worker.child.ask_to_stop()
    ended = completed(trial, worker)
    trial.dismiss(worker)
    return ended


CLOCK_FAULTS: Final = (
    Fault(
        name="clock-ahead",
        text=f"a worker whose clock is {OFF_S // 60} minutes ahead takes part "
        f"for {TAKES_PART_S:g} s, with ETA tasks",
        target="worker",
        inject=clock_off(OFF_S),
    ),
    Fault(
        name="clock-behind",
        text=f"a worker whose clock is {OFF_S // 60} minutes behind takes part "
        f"for {TAKES_PART_S:g} s, with ETA tasks",
        target="worker",
        inject=clock_off(-OFF_S),
    ),
)
