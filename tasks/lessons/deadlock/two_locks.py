"""The tasks of the lesson `deadlock`: work that needs two locks, and a watcher of these locks."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

from tasks.celery import app
from tasks.lessons.deadlock.observed_locks import LEASE_S, PLACES, TRY_EVERY_S, Locks, LockState
from tasks.lessons.notebook import Notebook
from tasks.lessons.shared import shared, write

#: Seconds that a task waits at the barrier for the others of its scene.
BARRIER_S: Final = 1.5
#: Seconds after which a task does not try again.
TRY_FOR_S: Final = 3.0
#: Seconds after which the watcher ends.
WATCH_S: Final = 4.5


@dataclass(frozen=True, slots=True, kw_only=True)
class LockJob:
    """What one task does, as its message carries it."""

    place: str  # key of PLACES
    scene: str  # prefix of the scene's keys in Redis
    who: str  # the task's name as a lock's holder
    locks: Sequence[str]  # in the order in which they are taken
    parties: int  # how many tasks start together
    pause_s: float  # between two locks, holding the first
    work_s: float  # holding all of them
    timeout_s: float  # for each lock
    back_off_s: float = 0.0  # the longest pause before it tries again; 0: it gives up instead


@app.task(name="lessons.deadlock.work")
def work(job: Mapping[str, Any]) -> dict[str, Any]:
    """Take the locks of a LockJob one after the other, work, release them.

    Hands in whether it got all locks, and how often it tried again.
    """
    mine = LockJob(**job)
    notebook = Notebook()
    locks = PLACES[mine.place](mine.scene, mine.locks)
    with notebook.noting("waits", "for the others"):
        barrier(mine.scene, mine.parties)
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


def _attempt(notebook: Notebook, locks: Locks, mine: LockJob) -> bool:
    """Work if every lock was free in time; release all of them in any case."""
    with ExitStack() as taken:
        held: list[str] = []
        for lock in mine.locks:
            if held:
                with notebook.noting("waits", _holds(held)):
                    time.sleep(mine.pause_s)
            with notebook.noting("blocked", _wants(held, lock)):
                got = locks.take(lock, mine.who, _timeout_s(mine))
            if not got:
                return False
            taken.callback(locks.free, lock)
            held.append(lock)
        with notebook.noting("waits", f"{_holds(held)}: works"):
            time.sleep(mine.work_s)
    return True


def _holds(locks: Sequence[str]) -> str:
    return f"holds {' and '.join(locks)}"


def _wants(held: Sequence[str], lock: str) -> str:
    return f"{_holds(held)}, wants {lock}" if held else f"wants {lock}"


def _timeout_s(mine: LockJob) -> float:
    """Make tasks that try again give up at different moments, so that one of them goes on."""
    if not mine.back_off_s:
        return mine.timeout_s
    return mine.timeout_s * random.uniform(0.5, 1)  # noqa: S311 - keeps no secret


@app.task(name="lessons.deadlock.watch")
def watch(place: str, scene: str, names: Sequence[str], parties: int) -> dict[str, Any]:
    """Watch the locks of a scene until all of its `parties` have ended.

    Hands in each change: seconds since this task's start, the holder of each lock, and the lock
    that each waiting task wants.
    """
    notebook = Notebook()
    locks = PLACES[place](scene, names)
    seen: list[tuple[float, LockState]] = []
    with notebook.noting("waits", "watches"):
        while notebook.elapsed_s < WATCH_S and _count(f"{scene}:ended") < parties:
            at_s, state = notebook.elapsed_s, locks.look()
            if not seen or state != seen[-1][1]:
                seen.append((at_s, state))
            time.sleep(TRY_EVERY_S)
    return notebook.handed_in([(at_s, held, wants) for at_s, (held, wants) in seen])


@app.task(name="lessons.deadlock.gather")
def gather(scene: str, parties: int) -> int:
    """Wait, with a timeout, until `parties` tasks of a scene run at once; return how many do.

    A slot that another task still occupies would be missing.
    """
    return barrier(scene, parties)


def barrier(scene: str, parties: int) -> int:
    """Wait for the others of a scene, for BARRIER_S at most; return how many have arrived."""
    key = f"{scene}:begun"
    arrived = _count_up(key)
    deadline = time.monotonic() + BARRIER_S
    while arrived < parties and time.monotonic() < deadline:
        time.sleep(TRY_EVERY_S / 2)
        arrived = _count(key)
    return arrived


def _count_up(key: str) -> int:
    return int(write("INCR", key, expire_s=LEASE_S))


def _count(key: str) -> int:
    return int(shared().get(key) or 0)
