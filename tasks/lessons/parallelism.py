"""The tasks of the lesson `parallelism`: they note when they computed and what they waited for."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from tasks.celery import app
from tasks.cpu import burn, digest
from tasks.io import sleep
from tasks.lessons.notebook import Notebook

#: A task counts as kept waiting after this many seconds without a core within one piece.
KEPT_WAITING_S: Final = 0.001
#: What it waited for; EITHER if the system does not show which of the two.
CORE, GIL, EITHER = "waits for a core", "waits for the GIL", "waits for its turn"

#: What can be computed, by name: the bare bodies, because calling a task holds the GIL a while.
KINDS: Final[Mapping[str, Callable[[int], Any]]] = {"burn": burn.run, "digest": digest.run}


@app.task(name="lessons.parallelism.compute")
def compute(kind: str, pieces: int, amount: int) -> dict[str, Any]:
    """Run `pieces` pieces of `amount` turns of `burn` or rounds of `digest`.

    Hands in when it started, by the machine's monotonic clock, and the CPU seconds it took.
    Raises KeyError for an unknown kind.
    """
    notebook, began_s, began_cpu_s = Notebook(), time.monotonic(), time.thread_time()
    piece = KINDS[kind]
    since_s = last_s = notebook.elapsed_s
    last_cpu_s, switches = began_cpu_s, _switches()
    for _ in range(pieces):
        piece(amount)
        # The thread may also have to wait while it reads these clocks: count on both sides.
        next_switches = _switches()
        now_s, now_cpu_s = notebook.elapsed_s, time.thread_time()
        computed_s = last_s + now_cpu_s - last_cpu_s
        if now_s - computed_s > KEPT_WAITING_S:
            # The wait may be anywhere within the piece, which is short.
            notebook.note("computes", kind, since_s, computed_s)
            notebook.note("blocked", _waited_for(switches, _switches()), computed_s, now_s)
            since_s = now_s
        last_s, last_cpu_s, switches = now_s, now_cpu_s, next_switches
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
    """Return how often this thread gave up its core, and how often the kernel took it away.

    Return None if the system does not count this for each thread.
    """
    if not hasattr(resource, "RUSAGE_THREAD"):
        return None
    usage = resource.getrusage(resource.RUSAGE_THREAD)
    return usage.ru_nvcsw, usage.ru_nivcsw


def _waited_for(before: tuple[int, int] | None, after: tuple[int, int] | None) -> str:
    """Return what a task waited for: one that computes gives up its core only to get the GIL."""
    if before is None or after is None:
        return EITHER
    given_up, taken_away = (now - then for now, then in zip(after, before, strict=True))
    return GIL if given_up > taken_away else CORE
