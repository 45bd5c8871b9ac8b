"""Locks that show who holds them and who waits: in this process, or in Redis for all machines.

They must not know what a deadlock is. Every wait has a timeout, and no lock outlives its holder.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, Protocol
from weakref import WeakValueDictionary

from redis.exceptions import LockError
from redis.lock import Lock

from tasks.lessons.shared import shared, write

#: Seconds after which Redis deletes a lock, or a note, whose task has vanished.
LEASE_S: Final = 10
#: Seconds between two attempts to take a lock in Redis.
TRY_EVERY_S: Final = 0.01

#: The holder of each lock that is held, and the lock that each waiting task wants.
LockState = tuple[dict[str, str], dict[str, str]]


class Locks(Protocol):
    """The locks of one scene."""

    def take(self, lock: str, who: str, patience_s: float) -> bool:
        """Wait for a lock; return whether it was free within `patience_s`."""

    def free(self, lock: str) -> None:
        """Release a lock that was taken through this object."""

    def look(self) -> LockState:
        """Return who holds and who wants which lock, at one instant or nearly so."""


class _Mutex:
    """A lock of this process, and its holder."""

    __slots__ = ("__weakref__", "guard", "holder")

    def __init__(self) -> None:
        self.guard = threading.Lock()
        self.holder = ""


# The locks of this process by scene and name, for as long as a task uses them.
_mutexes: WeakValueDictionary[tuple[str, str], _Mutex] = WeakValueDictionary()
_wants: dict[tuple[str, str], str] = {}
_creating = threading.Lock()


class InProcess:
    """Mutexes that the threads of one worker share."""

    def __init__(self, scene: str, names: Sequence[str]) -> None:
        """Find the locks of `scene` with these names, or create them."""
        self._scene = scene
        with _creating:
            self._locks = {name: _mutexes.setdefault((scene, name), _Mutex()) for name in names}

    def take(self, lock: str, who: str, patience_s: float) -> bool:
        """Wait for a mutex."""
        mutex = self._locks[lock]
        _wants[self._scene, who] = lock
        try:
            if not mutex.guard.acquire(timeout=patience_s):
                return False
            mutex.holder = who
            return True
        finally:
            del _wants[self._scene, who]

    def free(self, lock: str) -> None:
        """Unlock a mutex."""
        self._locks[lock].holder = ""
        self._locks[lock].guard.release()

    def look(self) -> LockState:
        """Read the holder of each mutex; holders can change between two reads."""
        held = {name: mutex.holder for name, mutex in self._locks.items() if mutex.holder}
        waiting = list(_wants.items())
        return held, {who: lock for (scene, who), lock in waiting if scene == self._scene}


class InRedis:
    """Locks in Redis: each is a key that holds its holder's name and expires by itself."""

    def __init__(self, scene: str, names: Sequence[str]) -> None:
        """Take nothing yet; the keys begin with `scene`."""
        self._wants = f"{scene}:wants"
        self._keys = {name: f"{scene}:{name}" for name in names}
        self._taken: dict[str, Lock] = {}

    def take(self, lock: str, who: str, patience_s: float) -> bool:
        """Try to set the key until it succeeds."""
        client = shared()
        one = client.lock(self._keys[lock], timeout=LEASE_S, sleep=TRY_EVERY_S, thread_local=False)
        write("HSET", self._wants, who, lock, expire_s=LEASE_S)
        try:
            if not one.acquire(blocking_timeout=patience_s, token=who):
                return False
            self._taken[lock] = one
            return True
        finally:
            client.hdel(self._wants, who)

    def free(self, lock: str) -> None:
        """Delete the key, unless it has expired and may belong to another task by now."""
        with suppress(LockError):
            self._taken.pop(lock).release()

    def look(self) -> LockState:
        """Read keys and notes in one transaction."""
        with shared().pipeline(transaction=True) as step:
            step.mget(list(self._keys.values()))
            step.hgetall(self._wants)
            holders, wants = step.execute()
        held = {n: who.decode() for n, who in zip(self._keys, holders, strict=True) if who}
        return held, {who.decode(): lock.decode() for who, lock in wants.items()}


#: Where the locks of a scene can be.
PLACES: Final[Mapping[str, Callable[[str, Sequence[str]], Locks]]] = {
    "worker": InProcess,
    "redis": InRedis,
}
