"""Watches a gevent hub from a native thread: which line of which task keeps it from switching.

It must not know what the tasks do.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import PurePath
from types import FrameType
from typing import Any, Final

from tasks.celery import app
from tasks.lessons.coroutines.waiting import LONGEST_S
from tasks.lessons.notebook import Notebook
from tasks.lessons.shared import write

#: Seconds between two signs of life of the hub, and between two samples of its stack.
BEAT_S: Final = 0.01
#: Seconds without a sign of life after which the hub counts as blocked.
BLOCKED_S: Final = 0.1
#: Only lines of modules in this package are named.
PACKAGE: Final = f"{__name__.partition('.')[0]}."

#: The id of a task, and the line of it that was running.
Place = tuple[str, str]


@dataclass(slots=True)
class HubState:
    """What the hub's thread and the thread that watches it share."""

    hub_thread: int
    beat_at: float = field(default_factory=time.monotonic)
    over: bool = False
    #: By the last beat before the hub was blocked: the time of the last sample, and how often each
    #: place was sampled.
    blocked: dict[float, tuple[float, Counter[Place]]] = field(default_factory=dict)


@app.task(name="lessons.coroutines.watch")
def watch(counter: str, seconds: float) -> dict[str, Any]:
    """Watch this worker's hub for `seconds`; increment `counter` as `tick` does.

    Hands in, for each time that the hub was blocked: start, end, the id of the task sampled most
    often, its most frequent line, the number of samples of that task, and of all samples.
    """
    from gevent import monkey  # noqa: PLC0415

    write("INCR", counter)
    notebook = Notebook()
    opened = time.monotonic()
    hub = HubState(monkey.get_original("_thread", "get_ident")())
    nap = monkey.get_original("time", "sleep")
    monkey.get_original("_thread", "start_new_thread")(_sample, (hub, nap))
    try:
        with notebook.noting("waits", ""):
            while notebook.elapsed_s < min(seconds, LONGEST_S):
                hub.beat_at = time.monotonic()
                time.sleep(BEAT_S)
    finally:
        hub.over = True
    return notebook.handed_in(
        [
            [since - opened, until - opened, *_most_sampled(places)]
            for since, (until, places) in sorted(dict(hub.blocked).items())
        ]
    )


def _sample(hub: HubState, nap: Any) -> None:
    """Sample the hub's stack while it is blocked; a native thread, which must not use gevent."""
    while not hub.over:
        nap(BEAT_S)
        beat, now = hub.beat_at, time.monotonic()
        frame = sys._current_frames().get(hub.hub_thread)
        if now - beat > BLOCKED_S and frame is not None:
            places = hub.blocked.get(beat, (now, Counter()))[1]
            places[place(frame)] += 1
            hub.blocked[beat] = (now, places)


def place(frame: FrameType) -> Place:
    """Return the id of the Celery task that a stack belongs to, and its innermost line in PACKAGE.

    Each is empty if there is none.
    """
    task_id = line = ""
    at: FrameType | None = frame
    while at is not None and not task_id:
        module = str(at.f_globals.get("__name__", ""))
        if not line and module.startswith(PACKAGE):
            line = _line(at)
        if module == "celery.app.trace":
            task_id = str(at.f_locals.get("uuid", ""))
        at = at.f_back
    return task_id, line


def _line(frame: FrameType) -> str:
    code = frame.f_code
    return f"{PurePath(code.co_filename).name}:{frame.f_lineno} {code.co_name}"


def _most_sampled(places: Counter[Place]) -> tuple[str, str, int, int]:
    """Return the task sampled most often, its most frequent line, its samples, and all samples."""
    tasks: Counter[str] = Counter()
    for (task_id, _), samples in places.items():
        tasks[task_id] += samples
    [(task_id, samples)] = tasks.most_common(1)
    lines = Counter({line: n for (one, line), n in places.items() if one == task_id})
    return task_id, lines.most_common(1)[0][0], samples, tasks.total()
