"""Tasks that read the same delayed sockets under one IO model: timed, or with calls counted."""

from __future__ import annotations

import time
from typing import Any, Final

from tasks.celery import app
from tasks.lessons.io_models import io_uring, syscalls
from tasks.lessons.io_models.models import MODELS, ReadAll
from tasks.lessons.io_models.sockets import Sockets
from tasks.lessons.notebook import Notebook

#: Seconds that reading may take beyond the sum of the delays.
GRACE_S: Final = 5.0
#: The model that not every kernel, container and Python supports.
IO_URING: Final = "io_uring"
#: All models, including the one that may not work here.
ALL_MODELS: Final[dict[str, ReadAll]] = {**MODELS, IO_URING: io_uring.read}


@app.task(name="lessons.io_models.read")
def read(model: str, port: int, delays_ms: list[int]) -> dict[str, Any]:
    """Read an answer from each of the sockets, timed.

    Hands in `wall_s` and `cpu_s` of all reads, `read_s` (when each was read, from the start) and
    `recvs`, the number of calls of `recv` that the model made. Raises KeyError for an unknown
    model, TimeoutError if answers do not arrive.
    """
    notebook = Notebook()
    with Sockets(port, delays_ms, _bound_s(delays_ms)) as sockets:
        cpu_s, opened_s = time.process_time(), notebook.elapsed_s
        sockets.start()
        ALL_MODELS[model](sockets, notebook)
        wall_s, cpu_s = notebook.elapsed_s - opened_s, time.process_time() - cpu_s
        _check(sockets)
        return notebook.handed_in(
            {"wall_s": wall_s, "cpu_s": cpu_s, "read_s": sockets.read_s, "recvs": sockets.recvs}
        )


@app.task(name="lessons.io_models.count")
def count(model: str, port: int, delays_ms: list[int]) -> dict[str, Any]:
    """Read the same sockets once more and count the system calls.

    Returns `calls` by name, and `way`: "ptrace", or "profile" if ptrace is not available, with the
    reason as `why`. Raises the same errors as `read`.
    """
    bound_s = _bound_s(delays_ms)
    with Sockets(port, delays_ms, bound_s) as sockets:

        def work() -> None:
            sockets.start()
            ALL_MODELS[model](sockets, Notebook())
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
