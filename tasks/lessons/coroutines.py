"""The lesson `coroutines`: greenlets that take turns, and two kinds of task that keep the turn.

gevent is imported where it is needed: a worker without it knows these tasks as well.
"""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any, Final

from tasks.celery import app
from tasks.lessons.notebook import Notebook
from tasks.lessons.shared import shared

#: Seconds that any of these tasks may take.
LONGEST_S: Final = 5.0
#: Turns of arithmetic between two looks at the clock: a tenth of a millisecond's worth or so.
#: gevent.sleep(0) lets others go on that are ready; for clocks and sockets gevent looks only after
#: some fifty such switches, so that it takes many of them.
TURNS: Final = 1_000
#: A neighbour that waited for its turn this many times as long as it had asked for was kept.
KEPT: Final = 5


@app.task(name="lessons.coroutines.act")
def act(plays: list[tuple[str, float]], together: bool) -> dict[str, Any]:
    """Act plays, each a name and its seconds: one after the other, or as greenlets `together`.

    Hands in, for each play, its name, its greenlet, and when it began and ended.
    """
    notebook = Notebook()
    if not together:
        return notebook.handed_in([_play(notebook, *play) for play in plays])
    import gevent  # noqa: PLC0415

    greenlets = [gevent.spawn(_play, notebook, *play) for play in plays]
    gevent.joinall(greenlets, raise_error=True)
    return notebook.handed_in([greenlet.value for greenlet in greenlets])


def _play(notebook: Notebook, name: str, seconds: float) -> tuple[str, int, float, float]:
    import gevent  # noqa: PLC0415

    began_s = notebook.elapsed_s
    with notebook.noting("waits", name):
        time.sleep(seconds)
    return name, gevent.getcurrent().minimal_ident, began_s, notebook.elapsed_s  # type: ignore[attr-defined]


@app.task(name="lessons.coroutines.tick")
def tick(counter: str, seconds: float, every_s: float) -> dict[str, Any]:
    """Ask for a turn every `every_s` seconds, for `seconds`; hand in when each was had.

    Counts itself in at `counter`, a key of Redis.
    """
    shared().incr(counter)
    notebook = Notebook()
    turns = [0.0]
    while turns[-1] < min(seconds, LONGEST_S):
        time.sleep(every_s)
        turns.append(notebook.elapsed_s)
    _note_gaps(notebook, turns, KEPT * every_s)
    return notebook.handed_in(turns)


def _note_gaps(notebook: Notebook, turns: list[float], kept_s: float) -> None:
    """Note from when to when turns came as asked for, and when they did not."""
    fine_since_s = turns[0]
    for before_s, after_s in pairwise(turns):
        if after_s - before_s > kept_s:
            notebook.note("waits", "ticks", fine_since_s, before_s)
            notebook.note("blocked", "no turn", before_s, after_s)
            fine_since_s = after_s
    notebook.note("waits", "ticks", fine_since_s, turns[-1])


@app.task(name="lessons.coroutines.wait")
def wait(counter: str, seconds: float) -> dict[str, Any]:
    """Wait for `seconds` as a good neighbour does; count in at `counter` as `tick` does."""
    shared().incr(counter)
    notebook = Notebook()
    with notebook.noting("waits", "waits"):
        time.sleep(min(seconds, LONGEST_S))
    return notebook.handed_in(seconds)


@app.task(name="lessons.coroutines.compute")
def compute(seconds: float, turns: int, gives_way: bool) -> dict[str, Any]:
    """Compute in Python for `seconds`, or, where `turns` are given, that many thousands of turns.

    `gives_way`: let the others have a turn now and then. Hands in the thousands of turns.
    """
    notebook = Notebook()
    with notebook.noting("computes", "gives way" if gives_way else "computes"):
        done, limit_s = 0, min(seconds or LONGEST_S, LONGEST_S)
        while notebook.elapsed_s < limit_s and (not turns or done < turns):
            _arithmetic()
            done += 1
            if gives_way:
                _give_way()
    return notebook.handed_in(done)


def _arithmetic() -> int:
    total = 0
    for number in range(TURNS):
        total = (total * 31 + number) % 1_000_003
    return total


def _give_way() -> None:
    import gevent  # noqa: PLC0415

    gevent.sleep(0)


@app.task(name="lessons.coroutines.call_c")
def call_c(seconds: float, aside: bool) -> dict[str, Any]:
    """Wait for `seconds` in C code that knows nothing of gevent, as a driver written in C does.

    `aside`: in a thread of the system's, while the greenlet waits for it as gevent would.
    """
    notebook = Notebook()
    seconds = min(seconds, LONGEST_S)
    with notebook.noting("waits", "thread of its own" if aside else "in C"):
        if aside:
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
