"""Progress of a run of known length at a terminal: a bar, and lines above it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn


class ProgressLines:
    """Prints lines; at a terminal, a bar below them shows the share that is done."""

    def __init__(self, console: Console, bar: Progress | None, first: str) -> None:
        self._console = console
        self._bar = bar
        self._task = None if bar is None else bar.add_task(first, total=1.0)
        self._tenths = 0

    def print(self, line: str) -> None:
        """Print a line, however long."""
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def show(self, description: str, share: float | None = None) -> bool:
        """Update the bar; return whether there is one."""
        if self._bar is None or self._task is None:
            return False
        self._bar.update(self._task, description=description, completed=share)
        return True

    def advance(self, description: str, share: float, line: str) -> None:
        """Update the bar; without one, print `line` each time that another tenth is done."""
        if not self.show(description, share) and int(share * 10) > self._tenths:
            self._tenths = int(share * 10)
            self.print(line)


@contextmanager
def progress_lines(console: Console, first: str) -> Iterator[ProgressLines]:
    """Show progress; a bar only at a terminal, and `first` in it at the start."""
    if not console.is_terminal:
        yield ProgressLines(console, None, first)
        return
    columns = (
        BarColumn(20),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        yield ProgressLines(console, bar, first)
