"""Tasks that block a gevent worker, by computing or by waiting in C, and their cured versions.

gevent is imported only inside the functions that need it, so that a worker without gevent can
import this module too.
"""

from __future__ import annotations

from typing import Any, Final

from tasks.celery import app
from tasks.lessons.coroutines.waiting import LONGEST_S
from tasks.lessons.notebook import Notebook

#: Rounds of arithmetic between two looks at the clock, about 0.1 ms. gevent.sleep(0) only switches
#: to greenlets that are ready; gevent checks timers and sockets once every 50 or so switches, so a
#: task that yields must yield often.
ROUNDS: Final = 1_000


@app.task(name="lessons.coroutines.compute")
def compute(seconds: float, turns: int, yields: bool) -> dict[str, Any]:
    """Compute in Python for `seconds`, or, if `turns` is not 0, for `turns` × ROUNDS rounds.

    `yields`: let the other greenlets run after every turn. Hands in the number of turns.
    """
    notebook = Notebook()
    with notebook.noting("computes", ""):
        done, limit_s = 0, min(seconds or LONGEST_S, LONGEST_S)
        while notebook.elapsed_s < limit_s and (not turns or done < turns):
            _arithmetic()
            done += 1
            if yields:
                _yield_turn()
    return notebook.handed_in(done)


def _arithmetic() -> int:
    total = 0
    for number in range(ROUNDS):
        total = (total * 31 + number) % 1_000_003
    return total


def _yield_turn() -> None:
    import gevent  # noqa: PLC0415

    gevent.sleep(0)


@app.task(name="lessons.coroutines.call_c")
def call_c(seconds: float, in_thread: bool) -> dict[str, Any]:
    """Wait for `seconds` in C code that gevent cannot patch, as a driver written in C does.

    `in_thread`: make the call in a native thread, and wait for that thread as a greenlet should.
    """
    notebook = Notebook()
    seconds = min(seconds, LONGEST_S)
    with notebook.noting("waits", ""):
        if in_thread:
            _in_thread(seconds)
        else:
            _in_c(seconds)
    return notebook.handed_in(seconds)


def _in_c(seconds: float) -> None:
    from gevent import monkey  # noqa: PLC0415

    monkey.get_original("time", "sleep")(seconds)


def _in_thread(seconds: float) -> None:
    from gevent.threadpool import ThreadPool  # noqa: PLC0415

    pool = ThreadPool(1)
    try:
        pool.apply(_in_c, (seconds,))
    finally:
        pool.kill()
