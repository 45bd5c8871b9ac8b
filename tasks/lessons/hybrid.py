"""The tasks of the lesson `hybrid`: jobs that compute, then wait; one per task, or several."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from tasks.celery import app
from tasks.cpu import burn
from tasks.io import sleep
from tasks.lessons.notebook import Notebook

#: The most threads that one task may start.
MOST_THREADS: Final = 200


@app.task(name="lessons.hybrid.work")
def work(cpu_ms: float, io_ms: float, iterations_per_ms: float) -> dict[str, Any]:
    """Compute for `cpu_ms` milliseconds of CPU, then wait for `io_ms`; a single job."""
    notebook = Notebook()
    _do_job(notebook, "", cpu_ms, io_ms, iterations_per_ms)
    return notebook.handed_in(1)


@app.task(name="lessons.hybrid.several")
def several(
    count: int, threads: int, cpu_ms: float, io_ms: float, iterations_per_ms: float
) -> dict[str, Any]:
    """Do `count` such jobs in `threads` threads of this task; note which thread did what.

    Raises ValueError unless `threads` is from 1 to MOST_THREADS.
    """
    if not 1 <= threads <= MOST_THREADS:
        raise ValueError(f"threads must be from 1 to {MOST_THREADS}, not {threads}")
    notebook = Notebook()

    def job(_: int) -> None:
        name = threading.current_thread().name.replace("_", " ")
        _do_job(notebook, name, cpu_ms, io_ms, iterations_per_ms)

    with ThreadPoolExecutor(threads, thread_name_prefix="thread") as pool:
        done = sum(1 for _ in pool.map(job, range(count)))
    return notebook.handed_in(done)


def _do_job(
    notebook: Notebook, thread: str, cpu_ms: float, io_ms: float, iterations_per_ms: float
) -> None:
    with notebook.noting("computes", thread):
        burn(round(cpu_ms * iterations_per_ms))
    with notebook.noting("waits", thread):
        sleep(io_ms / 1_000)
