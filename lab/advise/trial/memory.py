"""The memory that all running workers of a search share, on one bench or on several."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What a running group needs, and how to stop it."""

    needed_bytes: int
    stop: Callable[[], None]


class Memory:
    """Stops the groups that were not used for longest, until the others fit."""

    def __init__(self, limit_bytes: float) -> None:
        self._limit_bytes = limit_bytes
        self._uses: OrderedDict[Hashable, Use] = OrderedDict()

    def take(self, key: Hashable, use: Use) -> None:
        """Note what the group `key` needs from now on, and make room for it.

        It is never stopped itself, even if it needs more than the limit alone.
        """
        self._uses.pop(key, None)
        while self._uses and self._taken() + use.needed_bytes > self._limit_bytes:
            self._uses.popitem(last=False)[1].stop()
        self._uses[key] = use

    def free(self, key: Hashable) -> None:
        """Note that a group does not run, or no longer."""
        self._uses.pop(key, None)

    def _taken(self) -> int:
        return sum(use.needed_bytes for use in self._uses.values())
