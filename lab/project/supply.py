"""How many tasks workers need so that they never lack one, and no more than they can run: pure."""

from __future__ import annotations

from typing import Final, Protocol

#: Seconds of work that wait in the queue beyond what fills the slots.
AHEAD_S: Final = 0.5


class Fetching(Protocol):
    """Running workers that fetch messages."""

    @property
    def slots(self) -> int:
        """How many tasks run at the same time."""

    @property
    def held(self) -> int:
        """How many messages they fetch, with those that they run."""


def filling(group: Fetching, rate_per_s: float, ahead_s: float) -> int:
    """Return how many tasks should be open, so that workers can fetch all that they may.

    Of tasks that take long, it is no more than they can run in the next `ahead_s` seconds: they
    would still have to run afterwards what they have fetched.
    """
    fetched = group.held + int(rate_per_s * AHEAD_S)
    return min(fetched, running(group, rate_per_s, ahead_s))


def running(group: Fetching, rate_per_s: float, ahead_s: float) -> int:
    """Return how many tasks keep all slots busy for `ahead_s` seconds, with one more in each."""
    return 2 * group.slots + int(rate_per_s * max(ahead_s, AHEAD_S))
