"""The keys and results that a lesson leaves in Redis while it runs, and their removal.

It must not know what they hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import redis
from celery import Celery

from tasks.lessons.shared import KEY_S

#: What Celery's Redis backend appends to the key of a group or chord.
GROUP_PARTS: Final = ("", ".j", ".t", ".s", ".d", ".c")


class Traces:
    """The keys and results of one lesson."""

    def __init__(self, server: redis.Redis, app: Celery, run: str) -> None:
        """`run` is part of each key's name; `app` knows where its results are stored."""
        self._server = server
        self._app = app
        self._run = run
        self._keys: set[str] = set()
        self._ids: list[str] = []  # of tasks whose results are removed
        self._groups: list[str] = []  # likewise, of groups

    def key(self, name: str) -> str:
        """Return a Redis key that only this lesson uses; it is deleted when the lesson ends."""
        key = f"poolwise:lesson:{self._run}:{name}"
        self._keys.add(key)
        return key

    def put(self, name: str, value: int | str) -> str:
        """Set a key of this lesson and return it; it also expires by itself after `KEY_S`."""
        key = self.key(name)
        self._server.set(key, value, ex=KEY_S)
        return key

    def get(self, key: str) -> str | None:
        """Return the value of a Redis key; None if it does not exist."""
        value = self._server.get(key)
        return value.decode() if isinstance(value, bytes) else None

    def forget(self, *task_ids: str, groups: Sequence[str] = ()) -> None:
        """Remove the results of these tasks when the lesson ends.

        `groups`: ids of groups, including those of chords; Celery stores something for them too.
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
