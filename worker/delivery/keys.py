"""The names of the Redis keys in which workers note what they hold; it connects to nothing.

kombu's transport keeps the messages of all workers in one hash, `unacked_key`, so that nobody knows
whose worker is dead. Here every worker process, an *owner*, has a hash of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self
from uuid import uuid4

#: The id of this process as an owner. Its forked children share it: only the parent consumes.
OWNER: Final = uuid4().hex


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The keys of all workers that have the same transport options."""

    prefix: str  # of all keys of the project, `global_keyprefix`
    unacked: str  # kombu's `unacked_key`, without the prefix
    index: str  # kombu's `unacked_index_key`, without the prefix

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """Return the keys for some transport options, with kombu's defaults."""
        return cls(
            prefix=options.get("global_keyprefix", ""),
            unacked=options.get("unacked_key", "unacked"),
            index=options.get("unacked_index_key", "unacked_index"),
        )

    def held(self, owner: str = "") -> str:
        """Hash of the messages that an owner holds, by delivery tag.

        Without an owner: of all workers that do not have hashes of their own.
        """
        return f"{self.prefix}{self.unacked}:{owner}" if owner else f"{self.prefix}{self.unacked}"

    def index_of(self, owner: str = "") -> str:
        """Sorted set of the same delivery tags, by the time of delivery."""
        return f"{self.prefix}{self.index}:{owner}" if owner else f"{self.prefix}{self.index}"

    def started(self, owner: str) -> str:
        """Set of the delivery tags whose task has started, among redelivered messages."""
        return f"{self.held(owner)}:started"

    @property
    def owners(self) -> str:
        """Hash of all owners that may hold messages, with the names of their workers."""
        return f"{self.held()}:owners"

    def alive(self, owner: str) -> str:
        """Key that expires soon after the owner has died."""
        return f"{self.held()}:alive:{owner}"

    def claim(self, owner: str) -> str:
        """Key of the worker that restores the messages of a dead owner at the moment."""
        return f"{self.held()}:claim:{owner}"

    def deaths(self, task_id: str) -> str:
        """Counter of how often a worker died while it ran a task."""
        return f"{self.held()}:deaths:{task_id}"

    @property
    def trial(self) -> str:
        """Key that exists while a message that may kill its worker is tried on its own."""
        return f"{self.held()}:trial"
