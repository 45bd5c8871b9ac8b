"""The lesson `deadlock`: work that needs two locks, and one who watches those who wait."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

from tasks.celery import app
from tasks.lessons.notebook import Notebook
from tasks.lessons.shared import shared
from tasks.lessons.watched import LEASE_S, PLACES, TRY_EVERY_S, Locks, Sight

#: Seconds that the first to come waits for the others of its scene; then it begins without them.
MEET_S: Final = 1.5
#: Seconds after which nobody begins anew, and after which nobody watches any longer.
TRY_FOR_S: Final = 3.0
WATCH_S: Final = 4.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What one task has to do, as it travels in its message."""

    place: str  # key of PLACES
    scene: str  # how the scene's keys in Redis begin
    who: str
    locks: Sequence[str]  # in the order in which they are taken
    party: int  # how many tasks begin together
    pause_s: float  # between two locks, with those it has already
    work_s: float  # with all of them
    patience_s: float  # for each lock
    back_off_s: float = 0.0  # at most, before it begins anew; 0: it gives up for good


@app.task(name="lessons.deadlock.work")
def work(errand: Mapping[str, Any]) -> dict[str, Any]:
    """Take the locks of an Errand one after the other, work, give them back.

    Hands in whether it worked, and how often it began anew.
    """
    mine = Errand(**errand)
    notebook = Notebook()
    locks = PLACES[mine.place](mine.scene, mine.locks)
    with notebook.noting("waits", "start"):
        meet(mine.scene, mine.party)
    retries = 0
    try:
        while not (done := _attempt(notebook, locks, mine)):
            if not mine.back_off_s or notebook.elapsed_s > TRY_FOR_S:
                break
            retries += 1
            with notebook.noting("waits", "back-off"):
                time.sleep(random.uniform(0, mine.back_off_s))  # noqa: S311 - keeps no secret
    finally:
        _count_up(f"{mine.scene}:ended")
    return notebook.handed_in({"done": done, "retries": retries})


def _attempt(notebook: Notebook, locks: Locks, mine: Errand) -> bool:
    """Work once every lock came in time; give all back in any case."""
    with ExitStack() as taken:
        has: list[str] = []
        for lock in mine.locks:
            if has:
                with notebook.noting("waits", _has(has)):
                    time.sleep(mine.pause_s)
            with notebook.noting("blocked", _wants(has, lock)):
                got = locks.take(lock, mine.who, _patience_s(mine))
            if not got:
                return False
            taken.callback(locks.free, lock)
            has.append(lock)
        with notebook.noting("waits", f"{_has(has)}: works"):
            time.sleep(mine.work_s)
    return True


def _has(locks: Sequence[str]) -> str:
    return f"has {' and '.join(locks)}"


def _wants(has: Sequence[str], lock: str) -> str:
    return f"{_has(has)}, wants {lock}" if has else f"wants {lock}"


def _patience_s(mine: Errand) -> float:
    """Let those who will try again lose patience at different moments, so that one goes on."""
    if not mine.back_off_s:
        return mine.patience_s
    return mine.patience_s * random.uniform(0.5, 1)  # noqa: S311 - keeps no secret


@app.task(name="lessons.deadlock.watch")
def watch(place: str, scene: str, names: Sequence[str], party: int) -> dict[str, Any]:
    """Look at the locks of a scene until its `party` of tasks have ended.

    Hands in what was seen whenever that had changed: seconds since this task's start, who has each
    lock, who waits for which.
    """
    notebook = Notebook()
    locks = PLACES[place](scene, names)
    seen: list[tuple[float, Sight]] = []
    with notebook.noting("waits", "watches"):
        while notebook.elapsed_s < WATCH_S and _count(f"{scene}:ended") < party:
            at_s, sight = notebook.elapsed_s, locks.look()
            if not seen or sight != seen[-1][1]:
                seen.append((at_s, sight))
            time.sleep(TRY_EVERY_S)
    return notebook.handed_in([(at_s, held, wants) for at_s, (held, wants) in seen])


@app.task(name="lessons.deadlock.gather")
def gather(scene: str, party: int) -> int:
    """Wait, with a bound, until `party` tasks of a scene run at once; return how many there were.

    A slot that is still taken by somebody else would be missing.
    """
    return meet(scene, party)


def meet(scene: str, party: int) -> int:
    """Wait for the others of a scene, for MEET_S at most; return how many have come."""
    key = f"{scene}:begun"
    came = _count_up(key)
    deadline = time.monotonic() + MEET_S
    while came < party and time.monotonic() < deadline:
        time.sleep(TRY_EVERY_S / 2)
        came = _count(key)
    return came


def _count_up(key: str) -> int:
    with shared().pipeline(transaction=True) as step:
        step.incr(key)
        step.expire(key, LEASE_S)
        count, _ = step.execute()
    return int(count)


def _count(key: str) -> int:
    return int(shared().get(key) or 0)
