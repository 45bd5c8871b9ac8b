"""Progress of an observation on stderr: which workers, and how much time has passed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console

from lab.format import words
from lab.format.progress import ProgressLines, progress_lines
from producer.observation.seen import Source

#: The most workers that are named.
NAMED: Final = 10


class Lines:
    """Prints a line when workers are found, and one for each tenth of the time; or a bar."""

    def __init__(self, shown: ProgressLines) -> None:
        self._shown = shown
        self._asked_s = 0.0

    def watching(self, nodes: dict[str, Source], asked_s: float) -> None:
        """Name the workers and where their figures come from."""
        self._asked_s = asked_s
        listed = [f"{node} ({source})" for node, source in sorted(nodes.items())]
        more = [f"and {len(listed) - NAMED} more"] if len(listed) > NAMED else []
        named = ", ".join([*listed[:NAMED], *more])
        self._shown.print(f"observing for {words.duration(asked_s)}: {named}")

    def passed(self, span_s: float, ended: int) -> None:
        """Show the share of the time that has passed."""
        if not self._asked_s:
            return
        share = min(1.0, span_s / self._asked_s)
        tasks = f"{words.counted(ended, 'task')} ended"
        self._shown.advance(tasks, share, f"{words.percent(share):>5} of the time   {tasks}")


@contextmanager
def progress(console: Console) -> Iterator[Lines]:
    """Show progress; a bar only at a terminal."""
    with progress_lines(console, "looking for workers") as shown:
        yield Lines(shown)
