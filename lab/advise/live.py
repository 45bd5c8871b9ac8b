"""Progress of an advice run on stderr: a line for each trial, and a bar at a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from lab.advise.search.plan import Planned
from lab.format import words
from lab.format.advice import profile_line
from lab.format.progress import ProgressLines, progress_lines
from lab.results.advice import Profile


class Lines:
    """Prints a line for each event; the bar shows the share of the budget."""

    def __init__(self, shown: ProgressLines) -> None:
        self._shown = shown

    def trying(self, calls: int) -> None:
        """Say that the first tries begin."""
        self._shown.print(
            "trying 1 call alone …" if calls == 1 else f"trying {calls} calls alone …"
        )

    def tried(self, runs: int) -> None:
        """Show the number of single runs, at a terminal."""
        self._shown.show(words.counted(runs, "single run"))

    def profiled(self, task: str, profile: Profile) -> None:
        """Describe the task."""
        self._shown.print(f"{task} {profile_line(profile)}")

    def planned(self, plan: Planned) -> None:
        """Describe the search."""
        self._shown.print(plan.line())

    def teardown_failed(self, why: str) -> None:
        """Report it; the result is good all the same."""
        self._shown.print(f"warning: {why}")

    def measured(self, name: str, rate_per_s: float, used: float) -> None:
        """Report a trial."""
        share = min(1.0, used)
        rate = words.rate(rate_per_s) if rate_per_s else "cannot be used"
        self._shown.print(f"{words.percent(share):>5} of the time used   {name:<28} {rate}")
        self._shown.show(name, share)


@contextmanager
def progress(console: Console) -> Iterator[Lines]:
    """Show progress; a bar only at a terminal."""
    with progress_lines(console, "first tries") as shown:
        yield Lines(shown)
