"""What an advice run reports while it runs."""

from __future__ import annotations

from typing import Protocol

from lab.advise.candidates import Candidate
from lab.results.advice import Profile


class AdviseEvents(Protocol):
    """Receives progress; `lab/advise/live.py` shows it."""

    def trying(self, calls: int) -> None:
        """The first tries begin, with so many distinct calls."""

    def tried(self, runs: int) -> None:
        """So many single runs have ended."""

    def profiled(self, profile: Profile) -> None:
        """The first tries are over, and the search begins."""

    def measured(self, candidate: Candidate, rate_per_s: float, used: float) -> None:
        """A trial has ended; `used` is the share of the budget, which may exceed 1."""
