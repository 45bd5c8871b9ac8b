"""A task that computes, then waits, as most tasks in real projects do."""

from __future__ import annotations

from tasks.celery import app
from tasks.cpu import burn
from tasks.io import sleep

#: Loops of `burn` per millisecond on an ordinary core of the 2020s; measure for a better value.
TYPICAL_ITERATIONS_PER_MS = 20_000


@app.task(name="mixed.work")
def work(
    cpu_ms: float, io_ms: float, iterations_per_ms: float = TYPICAL_ITERATIONS_PER_MS
) -> float:
    """Compute for about `cpu_ms` milliseconds on one core, then sleep for `io_ms` milliseconds.

    `iterations_per_ms` is how many loops of `cpu.burn` this machine runs in a millisecond.
    Returns `cpu_ms + io_ms`. Raises ValueError if a time is negative or too long.
    """
    burn(round(cpu_ms * iterations_per_ms))
    sleep(io_ms / 1_000)
    return cpu_ms + io_ms
