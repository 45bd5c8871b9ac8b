"""How fast this machine is: so that "100 ms of CPU" means it, and an ideal can be computed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lab.results.race import Calibration
from producer.plan import Work
from tasks.celery import app

#: CPU seconds that one measurement should take.
TARGET_S = 0.02
#: Measurements; the quickest counts, for all that disturbs makes it slower. Many short ones find an
#: undisturbed moment sooner than few long ones.
ROUNDS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Bare:
    """What one task body costs when nothing is around it."""

    wall_s: float
    cpu_s: float


def calibrate() -> Calibration:
    """Measure how many turns of `burn` and rounds of `digest` one millisecond of a core takes."""
    return Calibration(
        burn_iterations_per_ms=_per_ms(app.tasks["cpu.burn"].run, 10_000),
        digest_rounds_per_ms=_per_ms(app.tasks["cpu.digest"].run, 1_000),
    )


def _per_ms(body: Callable[[int], Any], amount: int) -> float:
    """Double `amount` until it takes long enough to be measured, then take the best of a few."""
    while (taken_s := _cpu_s(body, amount)) < TARGET_S / 2:
        amount *= 2
    amount = max(1, round(amount * TARGET_S / taken_s))
    return amount / (min(_cpu_s(body, amount) for _ in range(ROUNDS)) * 1_000)


def _cpu_s(body: Callable[..., Any], *args: Any) -> float:
    before_s = time.thread_time()
    body(*args)
    return time.thread_time() - before_s


def bare_cost(work: Work, for_s: float) -> Bare:
    """Run one task body in this process again and again `for_s` seconds; the quickest counts."""
    body = app.tasks[work.task].run
    measured: list[Bare] = []
    deadline = time.monotonic() + for_s
    while not measured or time.monotonic() < deadline:
        wall_s, cpu_s = time.perf_counter(), time.thread_time()
        body(*work.args, **work.kwargs)
        measured.append(Bare(wall_s=time.perf_counter() - wall_s, cpu_s=time.thread_time() - cpu_s))
    return min(measured, key=lambda bare: bare.wall_s)
