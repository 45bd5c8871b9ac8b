"""What a lesson leaves in Redis while it plays: keys and results, and the end of them.

It must not know what is kept in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import redis
from celery import Celery

#: Seconds after which a key of a lesson that ended without leave is gone.
KEY_S: Final = 120
#: What Celery's Redis backend appends to the key of a group, or of a chord's.
GROUP_PARTS: Final = ("", ".j", ".t", ".s", ".d", ".c")


class Traces:
    """One lesson's."""

    def __init__(self, server: redis.Redis, app: Celery, run: str) -> None:
        """`run` is in the name of each key; `app` knows where results are."""
        self._server = server
        self._app = app
        self._run = run
        self._keys: set[str] = set()
        self._ids: list[str] = []  # of tasks whose results are to go
        self._groups: list[str] = []  # the same

    def key(self, name: str) -> str:
        """Return a Redis key of this lesson alone; it is deleted when the lesson ends."""
        key = f"poolwise:lesson:{self._run}:{name}"
        self._keys.add(key)
        return key

    def put(self, name: str, value: int | str) -> str:
        """Set a key of this lesson and return it; it also goes by itself, some time later."""
        key = self.key(name)
        self._server.set(key, value, ex=KEY_S)
        return key

    def get(self, key: str) -> str | None:
        """Return what a key of Redis holds; None where there is none."""
        value = self._server.get(key)
        return value.decode() if isinstance(value, bytes) else None

    def forget(self, *task_ids: str, groups: Sequence[str] = ()) -> None:
        """See to it that the results of tasks do not stay.

        `groups`: ids of groups, those of chords among them, of which Celery also keeps something.
        """
        self._ids += task_ids
        self._groups += groups

    def erase(self) -> None:
        """Delete keys and results."""
        backend: Any = self._app.backend
        leftovers = [
            *self._keys,
            *(backend.get_key_for_task(task_id) for task_id in self._ids),
            *(backend.get_key_for_group(one, part) for one in self._groups for part in GROUP_PARTS),
        ]
        if leftovers:
            self._server.delete(*leftovers)
