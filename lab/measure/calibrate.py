"""How fast this machine is, so that "100 ms of CPU" is true and an ideal can be computed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from lab.results.race import Calibration
from producer.plan import Work
from tasks.celery import app
from tasks.cpu import burn, digest

#: CPU seconds that one measurement should take.
TARGET_S = 0.02
#: Measurements, of which the fastest counts, because every disturbance only slows one down. Many
#: short ones find an undisturbed moment sooner than a few long ones.
ROUNDS = 7


#: What a cost was measured of: the task body alone, a task in a worker, which includes what Celery
#: does for it, or some of the different calls only.
Basis = Literal["body", "worker", "sample"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bare:
    """What one task costs alone."""

    wall_s: float  # the fastest run
    cpu_s: float
    basis: Basis = "body"
    usual_s: float = 0.0  # the mean of all runs, if they may differ


def calibrate() -> Calibration:
    """Measure how many iterations of `burn` and rounds of `digest` one core does per ms."""
    return Calibration(
        burn_iterations_per_ms=_per_ms(burn.run, 10_000),
        digest_rounds_per_ms=_per_ms(digest.run, 1_000),
    )


def _per_ms(body: Callable[[int], Any], amount: int) -> float:
    """Double `amount` until it takes long enough to measure, then take the best of a few rounds."""
    while (taken_s := _cpu_s(body, amount)) < TARGET_S / 2:
        amount *= 2
    amount = max(1, round(amount * TARGET_S / taken_s))
    return amount / (min(_cpu_s(body, amount) for _ in range(ROUNDS)) * 1_000)


def _cpu_s(body: Callable[..., Any], *args: Any) -> float:
    before_s = time.thread_time()
    body(*args)
    return time.thread_time() - before_s


def bare_cost(work: Work, for_s: float) -> Bare:
    """Run one task body in this process for `for_s` seconds; the fastest run counts."""
    body = app.tasks[work.task].run
    measured: list[Bare] = []
    deadline = time.monotonic() + for_s
    while not measured or time.monotonic() < deadline:
        wall_s, cpu_s = time.perf_counter(), time.thread_time()
        body(*work.args, **work.kwargs)
        measured.append(Bare(wall_s=time.perf_counter() - wall_s, cpu_s=time.thread_time() - cpu_s))
    return min(measured, key=lambda bare: bare.wall_s)
