"""The lesson `free-threading`: computing in slices, and counting together, in one interpreter."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any, Final

from tasks.celery import app
from tasks.cpu import burn
from tasks.lessons.notebook import Notebook
from tasks.lessons.spending import spending

#: Seconds without computing, within a slice, that are noted.
NOTED_S: Final = 0.001
#: Seconds that tasks wait for those that they count with.
TOGETHER_S: Final = 4.0

_counters: dict[str, int] = {}
_barriers: dict[str, threading.Barrier] = {}
_mutex = threading.Lock()


def gil_is_on() -> bool:
    """Return whether this interpreter has a GIL, and holds on to it."""
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())


def _with_own(iterations: int) -> int:
    """Compute with small numbers, which are there for good: nobody counts references to them."""
    total = 0
    for i in range(iterations):
        total = (total * 31 + i) % 251
    return total


#: What threads can compute with: numbers for which they need nobody, or one that all of them use
#: and may have to count references to, which sends it from core to core.
BODIES: Final[dict[str, Callable[[int], int]]] = {
    "own": _with_own,
    # Not as a task, which would cost as much again in so small a slice.
    "shared": burn.run,
}


@app.task(name="lessons.free_threading.slices")
def slices(iterations: int, count: int, numbers: str) -> dict[str, Any]:
    """Run `iterations` turns of arithmetic in `count` slices; note when it got on, and when not.

    `numbers` names what it computes with, one of `BODIES`; KeyError is raised for another. Hands in
    whether the GIL was on, and seconds: `cpu_s` computing, `queued_s` ready to but without a core
    (null where the kernel does not tell), `asleep_s` neither: kept off by this interpreter.
    """
    body, notebook, since_s = BODIES[numbers], Notebook(), 0.0
    with spending() as clocks:
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
    """Take 1 from a counter of this interpreter `times` times, at once with the other `parties`.

    It begins at `times` × `parties`. `guarded`: hold a mutex each time. Hands in whether the GIL
    was on, and what the counter reads when all have ended. Raises BrokenBarrierError where the
    others do not come within TOGETHER_S.
    """
    barrier = _barriers.setdefault(counter, threading.Barrier(parties))
    _counters.setdefault(counter, times * parties)
    barrier.wait(TOGETHER_S)
    if guarded:
        _take_guarded(counter, times)
    else:
        _take(counter, times)
    barrier.wait(TOGETHER_S)
    return {"gil": gil_is_on(), "reads": _counters[counter]}


def _take(counter: str, times: int) -> None:
    for _ in range(times):
        _counters[counter] -= 1


def _take_guarded(counter: str, times: int) -> None:
    for _ in range(times):
        with _mutex:
            _counters[counter] -= 1
