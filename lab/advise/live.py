"""Progress of an advice run on stderr: a line for each trial, and a bar at a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from lab.advise.candidates import Candidate
from lab.format import words
from lab.format.advice import profile_line
from lab.results.advice import Profile


class Lines:
    """Prints a line for each event; the bar shows the share of the budget."""

    def __init__(self, console: Console, bar: Progress | None) -> None:
        self._console = console
        self._bar = bar
        self._task = None if bar is None else bar.add_task("first tries", total=1.0)

    def trying(self, calls: int) -> None:
        """Say that the first tries begin."""
        self._print("trying 1 call alone …" if calls == 1 else f"trying {calls} calls alone …")

    def tried(self, runs: int) -> None:
        """Show the number of single runs, at a terminal."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=f"{runs} single runs")

    def profiled(self, profile: Profile) -> None:
        """Describe the task."""
        self._print(profile_line(profile))

    def measured(self, candidate: Candidate, rate_per_s: float, used: float) -> None:
        """Report a trial."""
        share = min(1.0, used)
        rate = words.rate(rate_per_s) if rate_per_s else "cannot be used"
        self._print(f"{share:4.0%} of the time used   {candidate.label:<28} {rate}")
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=share, description=candidate.label)

    def _print(self, line: str) -> None:
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def progress(console: Console) -> Iterator[Lines]:
    """Show progress; a bar only at a terminal."""
    if not console.is_terminal:
        yield Lines(console, None)
        return
    columns = (
        BarColumn(20),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        yield Lines(console, bar)
