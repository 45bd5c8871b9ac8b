"""Which of the messages that this worker holds have started to run.

The start of redelivered ones is also noted in Redis, because a message that was delivered before
may be the one that kills its workers. For others, that would cost a round trip for each task.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

from worker.delivery.keys import OWNER, Keys
from worker.delivery.scripts import FINISH


class OwnLine(Protocol):
    """A channel, or the heart's connection."""

    bare: Any  # a client that takes the names of keys as they are
    keys: Keys


class Started:
    """The delivery tags that are noted, with their task ids."""

    def __init__(self) -> None:
        """Know none yet."""
        self._task_ids: dict[str, str] = {}

    def add(self, tag: str, task_id: str, line: OwnLine) -> None:
        """Note that a task starts; raise what the broker raises."""
        self._task_ids[tag] = task_id  # first, so that `finish` ends the count even if this fails
        line.bare.sadd(line.keys.started(OWNER), tag)

    def give_back(self, tag: str, line: OwnLine) -> None:
        """End the note about a message that goes back to its queue; its count of deaths stays."""
        if self._task_ids.pop(tag, None) is not None:
            line.bare.srem(line.keys.started(OWNER), tag)

    def finish(self, tag: str, line: OwnLine) -> None:
        """End the note about a task that is done, and its count of deaths."""
        if (task_id := self._task_ids.pop(tag, None)) is not None:
            keys = line.keys
            names = (keys.started(OWNER), keys.deaths(task_id), keys.trial)
            line.bare.eval(FINISH, len(names), *names, tag)


#: There is one worker in a process.
STARTED = Started()
#: The delivery tags of the tasks that have started here, until they are acknowledged or put back.
RUNNING: Final[set[str]] = set()
