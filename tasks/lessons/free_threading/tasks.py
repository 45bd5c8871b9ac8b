"""Tasks that compute in slices, or count down together, and report what the GIL made of it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any, Final

from tasks.celery import app
from tasks.cpu import burn
from tasks.lessons.free_threading.thread_time import thread_clocks
from tasks.lessons.notebook import Notebook

#: Seconds without computing, within a slice, above which the pause is noted.
NOTED_S: Final = 0.001
#: Seconds that a task waits for the others that count with it.
TOGETHER_S: Final = 4.0

_counters: dict[str, int] = {}
_barriers: dict[str, threading.Barrier] = {}
_mutex = threading.Lock()


def gil_is_on() -> bool:
    """Return whether this interpreter runs with a GIL."""
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())


def _with_small_numbers(iterations: int) -> int:
    """Compute with small integers, which are immortal: no thread counts references to them."""
    total = 0
    for i in range(iterations):
        total = (total * 31 + i) % 251
    return total


#: The numbers that threads compute with: immortal small ones, or one object that all of them use.
#: Counting references to that object moves it from core to core.
BODIES: Final[dict[str, Callable[[int], int]]] = {
    "own": _with_small_numbers,
    # The plain function: the overhead of a task call would double the cost of so small a slice.
    "shared": burn.run,
}


@app.task(name="lessons.free_threading.slices")
def slices(iterations: int, count: int, numbers: str) -> dict[str, Any]:
    """Run `iterations` rounds of arithmetic in `count` slices; note when it ran and when it waited.

    `numbers` is a key of BODIES, else KeyError is raised. Hands in whether the GIL was on, and
    seconds: `cpu_s` computing, `queued_s` ready but without a core (null if the kernel does not
    report it), `asleep_s` neither, which means waiting for another thread of this interpreter.
    """
    body, notebook, since_s = BODIES[numbers], Notebook(), 0.0
    with thread_clocks() as clocks:
        began = clocks.so_far()
        for _ in range(count):
            before = clocks.so_far()
            body(iterations // count)
            spent, now_s = clocks.so_far().since(before), notebook.elapsed_s
            queued_s = spent.queued_s or 0.0
            if spent.asleep_s + queued_s > NOTED_S:
                ran_s, woke_s = now_s - spent.asleep_s - queued_s, now_s - spent.asleep_s
                notebook.note("computes", "", since_s, ran_s)
                notebook.note("waits", "core", ran_s, woke_s)
                if spent.asleep_s > NOTED_S:
                    notebook.note("blocked", "GIL", woke_s, now_s)
                since_s = now_s
        spent = clocks.so_far().since(began)
    notebook.note("computes", "", since_s, notebook.elapsed_s)
    return notebook.handed_in(
        {
            "gil": gil_is_on(),
            "cpu_s": spent.cpu_s,
            "queued_s": spent.queued_s,
            "asleep_s": spent.asleep_s,
        }
    )


@app.task(name="lessons.free_threading.count_down")
def count_down(counter: str, times: int, parties: int, guarded: bool) -> dict[str, Any]:
    """Subtract 1 from a counter of this interpreter `times` times, while other tasks do the same.

    The counter starts at `times` × `parties`, the number of tasks. `guarded`: hold a mutex each
    time. Returns whether the GIL was on, and the counter when all are done. Raises
    BrokenBarrierError if the others do not start within TOGETHER_S.
    """
    barrier = _barriers.setdefault(counter, threading.Barrier(parties))
    _counters.setdefault(counter, times * parties)
    barrier.wait(TOGETHER_S)
    if guarded:
        _subtract_guarded(counter, times)
    else:
        _subtract(counter, times)
    barrier.wait(TOGETHER_S)
    return {"gil": gil_is_on(), "reads": _counters[counter]}


def _subtract(counter: str, times: int) -> None:
    for _ in range(times):
        _counters[counter] -= 1


def _subtract_guarded(counter: str, times: int) -> None:
    for _ in range(times):
        with _mutex:
            _counters[counter] -= 1
