"""What an advice run reports while it runs."""

from __future__ import annotations

from typing import Protocol

from lab.advise.search.plan import Planned
from lab.results.advice import Profile


class AdviseEvents(Protocol):
    """Receives progress; `lab/advise/live.py` shows it."""

    def trying(self, calls: int) -> None:
        """The first tries begin, with so many distinct calls."""

    def tried(self, runs: int) -> None:
        """So many single runs have ended."""

    def profiled(self, task: str, profile: Profile) -> None:
        """The first tries of a task are over."""

    def planned(self, plan: Planned) -> None:
        """The search begins, and is expected to do this."""

    def teardown_failed(self, why: str) -> None:
        """The command of `--teardown` has failed."""

    def measured(self, name: str, rate_per_s: float, used: float) -> None:
        """A trial of the candidate `name` has ended.

        `used` is the share of the budget, which may exceed 1.
        """
