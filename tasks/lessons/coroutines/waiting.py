"""Tasks that wait: two waits in one task, a ticker that notices late turns, a patient neighbour.

gevent is imported only inside the functions that need it, so that a worker without gevent can
import this module too.
"""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any, Final

from tasks.celery import app
from tasks.lessons.notebook import Notebook
from tasks.lessons.shared import write

#: Seconds that any task of this lesson may take.
LONGEST_S: Final = 5.0
#: A turn is late if the ticker waited this many times as long as it had asked for.
LATE: Final = 5


@app.task(name="lessons.coroutines.run_waits")
def run_waits(waits: list[tuple[str, float]], together: bool) -> dict[str, Any]:
    """Run waits, each a name and its seconds: one after the other, or `together` as greenlets.

    Hands in the name, the greenlet, the start and the end of each wait.
    """
    notebook = Notebook()
    if not together:
        return notebook.handed_in([_run_wait(notebook, *one) for one in waits])
    import gevent  # noqa: PLC0415

    greenlets = [gevent.spawn(_run_wait, notebook, *one) for one in waits]
    gevent.joinall(greenlets, raise_error=True)
    return notebook.handed_in([greenlet.value for greenlet in greenlets])


def _run_wait(notebook: Notebook, name: str, seconds: float) -> tuple[str, int, float, float]:
    import gevent  # noqa: PLC0415

    began_s = notebook.elapsed_s
    with notebook.noting("waits", name):
        time.sleep(seconds)
    return name, gevent.getcurrent().minimal_ident, began_s, notebook.elapsed_s  # type: ignore[attr-defined]


@app.task(name="lessons.coroutines.tick")
def tick(counter: str, seconds: float, every_s: float) -> dict[str, Any]:
    """Ask for a turn every `every_s` seconds, for `seconds`; hand in the instants of all turns.

    Increments `counter`, a Redis key, when it starts.
    """
    write("INCR", counter)
    notebook = Notebook()
    turns = [0.0]
    while turns[-1] < min(seconds, LONGEST_S):
        time.sleep(every_s)
        turns.append(notebook.elapsed_s)
    _note_gaps(notebook, turns, LATE * every_s)
    return notebook.handed_in(turns)


def _note_gaps(notebook: Notebook, turns: list[float], late_s: float) -> None:
    """Note the spans in which turns came on time, and those in which none came."""
    on_time_since_s = turns[0]
    for before_s, after_s in pairwise(turns):
        if after_s - before_s > late_s:
            notebook.note("waits", "ticks", on_time_since_s, before_s)
            notebook.note("blocked", "no turn", before_s, after_s)
            on_time_since_s = after_s
    notebook.note("waits", "ticks", on_time_since_s, turns[-1])


@app.task(name="lessons.coroutines.wait")
def wait(counter: str, seconds: float) -> dict[str, Any]:
    """Wait for `seconds` and let all others run; increment `counter` as `tick` does."""
    write("INCR", counter)
    notebook = Notebook()
    with notebook.noting("waits", ""):
        time.sleep(min(seconds, LONGEST_S))
    return notebook.handed_in(seconds)
