"""The lesson `hybrid`: works that compute and then wait, one a task, or several in its threads."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from tasks.celery import app
from tasks.cpu import burn
from tasks.io import sleep
from tasks.lessons.notebook import Notebook

#: Threads that one task may start.
MOST_THREADS: Final = 200


@app.task(name="lessons.hybrid.work")
def work(cpu_ms: float, io_ms: float, iterations_per_ms: float) -> dict[str, Any]:
    """Compute for `cpu_ms` milliseconds of a core, then wait for `io_ms`; hand in when."""
    notebook = Notebook()
    _work(notebook, "", cpu_ms, io_ms, iterations_per_ms)
    return notebook.handed_in(1)


@app.task(name="lessons.hybrid.several")
def several(
    count: int, threads: int, cpu_ms: float, io_ms: float, iterations_per_ms: float
) -> dict[str, Any]:
    """Do `count` such works in `threads` threads of this process; hand in which thread did what.

    Raises ValueError for no thread, or for more than MOST_THREADS.
    """
    if not 1 <= threads <= MOST_THREADS:
        raise ValueError(f"threads must be within 1 and {MOST_THREADS}, not {threads}")
    notebook = Notebook()

    def one(_: int) -> None:
        name = threading.current_thread().name.replace("_", " ")
        _work(notebook, name, cpu_ms, io_ms, iterations_per_ms)

    with ThreadPoolExecutor(threads, thread_name_prefix="thread") as pool:
        done = sum(1 for _ in pool.map(one, range(count)))
    return notebook.handed_in(done)


def _work(
    notebook: Notebook, who: str, cpu_ms: float, io_ms: float, iterations_per_ms: float
) -> None:
    with notebook.noting("computes", who):
        burn(round(cpu_ms * iterations_per_ms))
    with notebook.noting("waits", who):
        sleep(io_ms / 1_000)
