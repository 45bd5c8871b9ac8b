"""The time that a search may take, and what one more trial is expected to need of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

R = TypeVar("R")

#: Seconds to stop the workers at the end.
CLOSING_S: Final = 1.5


class Budget:
    """The time that is left, by the monotonic clock."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start_s = clock()
        self.seconds = seconds
        self.step_s = 5.0  # what one more trial is expected to take

    def used(self) -> float:
        """Return the share of the budget that is used, from 0 on."""
        return (self._clock() - self._start_s) / self.seconds

    def left_s(self) -> float:
        """Return the seconds that are left, 0 if none are."""
        return max(0.0, self.seconds - (self._clock() - self._start_s))

    def part(self, share: float) -> Budget:
        """Return a budget that begins now, with a share of the time that is left."""
        return Budget(share * self.left_s(), self._clock)

    def has_room(self, share: float = 1.0) -> bool:
        """Return whether another trial ends before this share of the budget is used."""
        return self._clock() - self._start_s + self.step_s + CLOSING_S <= share * self.seconds

    def timed(self, step: Callable[[], R]) -> R:
        """Run a trial, and learn how long trials take."""
        before_s = self._clock()
        found = step()
        self.step_s = max(0.7 * self.step_s, self._clock() - before_s)
        return found
