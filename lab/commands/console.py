"""The consoles for results (stdout) and progress (stderr)."""

from __future__ import annotations

import os
import sys

from rich.console import Console

#: Columns of a pipe or file, which has no width.
PIPE_WIDTH = 120


def for_results() -> Console:
    """Return stdout; a pipe is wide enough for complete tables, unless COLUMNS is set."""
    piped = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Console(width=PIPE_WIDTH if piped else None)


def for_progress() -> Console:
    """Return stderr."""
    return Console(stderr=True)
