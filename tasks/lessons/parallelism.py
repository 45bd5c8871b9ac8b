"""The lesson `parallelism`: work in small pieces that notes when it was kept from it, by whom."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from tasks.celery import app
from tasks.cpu import burn, digest
from tasks.io import sleep
from tasks.lessons.notebook import Notebook

#: Seconds without a core, within one piece, from which a task counts as kept waiting.
KEPT_WAITING_S: Final = 0.001
#: What it was kept waiting for; where the system does not tell, for the one or the other.
CORE, GIL, EITHER = "a core", "the GIL", "its turn"

#: What can be computed, by name; the bare bodies, for each call of a task holds the GIL a while.
KINDS: Final[Mapping[str, Callable[[int], Any]]] = {"burn": burn.run, "digest": digest.run}


@app.task(name="lessons.parallelism.compute")
def compute(kind: str, pieces: int, amount: int) -> dict[str, Any]:
    """Run `pieces` times `amount` turns of `burn` or rounds of `digest`, one piece after the other.

    Hands in when it began, by the machine's monotonic clock, and the CPU seconds it took.
    Raises KeyError for another kind.
    """
    notebook, began_s, began_cpu_s = Notebook(), time.monotonic(), time.thread_time()
    piece = KINDS[kind]
    since_s = last_s = notebook.elapsed_s
    last_cpu_s, switches = began_cpu_s, _switches()
    for _ in range(pieces):
        piece(amount)
        now_s, now_cpu_s, now_switches = notebook.elapsed_s, time.thread_time(), _switches()
        computed_s = last_s + now_cpu_s - last_cpu_s
        if now_s - computed_s > KEPT_WAITING_S:
            # When within the piece is not known; it is short.
            notebook.note("computes", kind, since_s, computed_s)
            notebook.note("blocked", _what_for(switches, now_switches), computed_s, now_s)
            since_s = now_s
        last_s, last_cpu_s, switches = now_s, now_cpu_s, now_switches
    notebook.note("computes", kind, since_s, last_s)
    return notebook.handed_in((began_s, last_cpu_s - began_cpu_s))


@app.task(name="lessons.parallelism.wait")
def wait(seconds: float) -> dict[str, Any]:
    """Wait for `seconds`, and hand in the same as `compute`."""
    notebook, began_s, cpu_s = Notebook(), time.monotonic(), time.thread_time()
    with notebook.noting("waits", "sleep"):
        sleep(seconds)
    return notebook.handed_in((began_s, time.thread_time() - cpu_s))


def _switches() -> tuple[int, int] | None:
    """Count how often this thread gave its core up, and how often the kernel took it away.

    None where the system does not count for each thread.
    """
    if not hasattr(resource, "RUSAGE_THREAD"):
        return None
    usage = resource.getrusage(resource.RUSAGE_THREAD)
    return usage.ru_nvcsw, usage.ru_nivcsw


def _what_for(before: tuple[int, int] | None, after: tuple[int, int] | None) -> str:
    """Tell what a task that computes was kept from: it gives a core up to wait for the GIL only."""
    if before is None or after is None:
        return EITHER
    given_up, taken_away = (now - then for now, then in zip(after, before, strict=True))
    return GIL if given_up > taken_away else CORE
