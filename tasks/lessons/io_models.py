"""The lesson `io-models`: one task reads the same delayed sockets under one of the IO models."""

from __future__ import annotations

import time
from typing import Any, Final

from tasks.celery import app
from tasks.lessons import ring, syscalls
from tasks.lessons.notebook import Notebook
from tasks.lessons.reading import MODELS, Reading, Sockets

#: Seconds that a reading may take beyond its delays one after the other.
GRACE_S: Final = 5.0
#: The model that not every kernel, container and Python has.
IO_URING: Final = "io_uring"
#: Every model that there may be.
READINGS: Final[dict[str, Reading]] = {**MODELS, IO_URING: ring.read}


@app.task(name="lessons.io_models.read")
def read(model: str, port: int, delays_ms: list[int]) -> dict[str, Any]:
    """Read an answer from each of the sockets, timed.

    Hands in `wall_s` and `cpu_s` of it all, `read_s` (when each was read, from the start) and
    `recvs`, the calls of `recv` that the model itself made. Raises KeyError for a model that is
    not there, TimeoutError where answers do not come.
    """
    notebook = Notebook()
    with Sockets(port, delays_ms, _bound_s(delays_ms)) as sockets:
        cpu_s, opened_s = time.process_time(), notebook.elapsed_s
        sockets.start()
        READINGS[model](sockets, notebook)
        wall_s, cpu_s = notebook.elapsed_s - opened_s, time.process_time() - cpu_s
        _check(sockets)
        return notebook.handed_in(
            {"wall_s": wall_s, "cpu_s": cpu_s, "read_s": sockets.read_s, "recvs": sockets.recvs}
        )


@app.task(name="lessons.io_models.count")
def count(model: str, port: int, delays_ms: list[int]) -> dict[str, Any]:
    """Read the same once more, with the system calls counted.

    Returns `calls` by name, and `way`: "ptrace", or "profile" where that is not to be had, with
    the reason as `why`. Raises as `read` does.
    """
    bound_s = _bound_s(delays_ms)
    with Sockets(port, delays_ms, bound_s) as sockets:

        def work() -> None:
            sockets.start()
            READINGS[model](sockets, Notebook())
            _check(sockets)

        try:
            calls = syscalls.traced(work, bound_s + GRACE_S)
            return {"way": "ptrace", "why": "", "calls": dict(calls)}
        except OSError as error:
            calls = syscalls.called(work)
            return {"way": "profile", "why": str(error), "calls": dict(calls)}


def _bound_s(delays_ms: list[int]) -> float:
    return sum(delays_ms) / 1_000 + GRACE_S


def _check(sockets: Sockets) -> None:
    if sockets.left:
        raise TimeoutError(f"{sockets.left} of {len(sockets)} sockets were not read in time")
