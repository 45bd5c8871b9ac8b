"""A watch over a gevent hub: which line of which task keeps all greenlets from their turns.

A native thread looks at the hub's thread while nothing moves there. It must not know what runs.
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
from tasks.lessons.coroutines import LONGEST_S
from tasks.lessons.notebook import Notebook
from tasks.lessons.shared import shared

#: Seconds between two signs of life of the hub, and between two looks at it.
BEAT_S: Final = 0.01
#: Seconds without a sign of life after which the hub counts as kept.
KEPT_S: Final = 0.1
#: Whose lines are named: those of this package.
OURS: Final = f"{__name__.partition('.')[0]}."


@dataclass(slots=True)
class Watched:
    """What passes between the hub's thread and the one that watches it."""

    hub_thread: int
    beat_at: float = field(default_factory=time.monotonic)
    over: bool = False
    #: By the last beat before: when it was seen last, and how often who was found at which line.
    seen: dict[float, tuple[float, Counter[tuple[str, str]]]] = field(default_factory=dict)


@app.task(name="lessons.coroutines.watch")
def watch(counter: str, seconds: float) -> dict[str, Any]:
    """Watch this worker's hub for `seconds`; count in at `counter` as `tick` does.

    Hands in, for each time that the hub was kept: from when to when, the id of the task found
    running most often, the line where, how many of the looks found just that, and of how many.
    """
    from gevent import monkey  # noqa: PLC0415

    shared().incr(counter)
    notebook = Notebook()
    opened = time.monotonic()
    watched = Watched(monkey.get_original("_thread", "get_ident")())
    nap = monkey.get_original("time", "sleep")
    monkey.get_original("_thread", "start_new_thread")(_look, (watched, nap))
    try:
        with notebook.noting("waits", "watches"):
            while notebook.elapsed_s < min(seconds, LONGEST_S):
                watched.beat_at = time.monotonic()
                time.sleep(BEAT_S)
    finally:
        watched.over = True
    return notebook.handed_in(
        [
            [since - opened, until - opened, *_most(found)]
            for since, (until, found) in sorted(dict(watched.seen).items())
        ]
    )


def _look(watched: Watched, nap: Any) -> None:
    """Run in the native thread: nothing of gevent's may be touched here."""
    while not watched.over:
        nap(BEAT_S)
        beat, now = watched.beat_at, time.monotonic()
        frame = sys._current_frames().get(watched.hub_thread)
        if now - beat > KEPT_S and frame is not None:
            found = watched.seen.get(beat, (now, Counter()))[1]
            found[running(frame)] += 1
            watched.seen[beat] = (now, found)


def running(frame: FrameType) -> tuple[str, str]:
    """Return the id of the Celery task that a stack belongs to, and its innermost line of ours.

    Either is empty where there is none.
    """
    task_id = line = ""
    at: FrameType | None = frame
    while at is not None and not task_id:
        module = str(at.f_globals.get("__name__", ""))
        if not line and module.startswith(OURS):
            line = _line(at)
        if module == "celery.app.trace":
            task_id = str(at.f_locals.get("uuid", ""))
        at = at.f_back
    return task_id, line


def _line(frame: FrameType) -> str:
    code = frame.f_code
    return f"{PurePath(code.co_filename).name}:{frame.f_lineno} {code.co_name}"


def _most(found: Counter[tuple[str, str]]) -> tuple[str, str, int, int]:
    """Return the task found most often, its commonest line, how often it was, of how many."""
    tasks: Counter[str] = Counter()
    for (task_id, _), times in found.items():
        tasks[task_id] += times
    [(task_id, times)] = tasks.most_common(1)
    lines = Counter({line: n for (one, line), n in found.items() if one == task_id})
    return task_id, lines.most_common(1)[0][0], times, tasks.total()
