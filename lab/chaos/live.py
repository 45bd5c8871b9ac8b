"""Progress of a run of faults on stderr: a bar at a terminal, and a line for each cell."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from lab.chaos.collected import Titled
from lab.format import chaos, words
from lab.format.progress import ProgressLines, progress_lines
from lab.results.chaos import ChaosCell

#: What is said after Ctrl-C, or after a mistake in the code.
STOPPING = (
    "No more faults. Waiting until the tasks of those so far are accounted for, which can take a "
    "minute; to stop at once and keep only the complete combinations, press Ctrl-C"
)


class Lines:
    """Counts faults, of all threads, and prints a line for each complete cell."""

    def __init__(self, shown: ProgressLines) -> None:
        self._shown = shown
        self._lock = threading.Lock()
        self._total = 0
        self._done = 0

    def prepared(self, cells: int, faults: int, text: str) -> None:
        """Say what will be measured."""
        self._total = faults
        combinations = f"{words.counted(cells, 'combination')} of fault, pool and settings"
        self._shown.print(f"{combinations}, {words.counted(faults, 'fault')} in all, {text}")

    def fault(self, spec: Titled, number: int) -> None:
        """Move the bar."""
        with self._lock:
            self._done += 1
            done = f"{self._done:,} of {words.counted(self._total, 'fault')}"
            share = self._done / self._total
            line = f"{words.percent(share):>5}   {done}"
            self._shown.advance(f"{done} · {spec.title} {number}", share, line)

    def measured(self, cell: ChaosCell) -> None:
        """Print the cell's figures."""
        text = cell.skipped or chaos.cell_text(cell)
        self._shown.print(f"  {cell.fault:<18} {cell.pool:<8} {cell.settings:<15} {text}")

    def stopping(self) -> None:
        """Say what is still to come."""
        self._shown.print(STOPPING)


@contextmanager
def progress(console: Console) -> Iterator[Lines]:
    """Show progress; a bar only at a terminal."""
    with progress_lines(console, "starting") as shown:
        yield Lines(shown)
