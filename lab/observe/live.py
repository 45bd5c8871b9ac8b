"""Progress of an observation on stderr: which workers, and how much time has passed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from lab.format import words
from lab.observe.seen import Source

#: The most workers that are named.
NAMED: Final = 10


class Lines:
    """Prints a line when workers are found, and one for each tenth of the time; or a bar."""

    def __init__(self, console: Console, bar: Progress | None) -> None:
        self._console = console
        self._bar = bar
        self._task = None if bar is None else bar.add_task("looking for workers", total=1.0)
        self._asked_s = 0.0
        self._tenths = 0

    def watching(self, nodes: dict[str, Source], asked_s: float) -> None:
        """Name the workers and where their figures come from."""
        self._asked_s = asked_s
        listed = [f"{node} ({source})" for node, source in sorted(nodes.items())]
        more = [f"and {len(listed) - NAMED} more"] if len(listed) > NAMED else []
        named = ", ".join([*listed[:NAMED], *more])
        self._print(f"observing for {words.duration(asked_s)}: {named}")

    def passed(self, span_s: float, ended: int) -> None:
        """Show the share of the time that has passed."""
        if not self._asked_s:
            return
        share = min(1.0, span_s / self._asked_s)
        tasks = "1 task" if ended == 1 else f"{ended:,} tasks"
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=share, description=f"{tasks} ended")
        elif int(share * 10) > self._tenths:
            self._tenths = int(share * 10)
            self._print(f"{share:4.0%} of the time   {tasks} ended")

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
