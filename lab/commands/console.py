"""Prints results to stdout and progress to stderr, each as wide as it is."""

from __future__ import annotations

import os
import sys

from rich.console import Console

#: Columns of a pipe or a file, which has no width of its own.
PIPE_WIDTH = 140
#: Columns below which tables would lose their texts; a narrower terminal breaks the lines itself.
LEAST_WIDTH = 20


def for_results() -> Console:
    """Return stdout; a pipe gets lines wide enough for whole tables, unless COLUMNS is set."""
    terminal = sys.stdout is not None and sys.stdout.isatty()
    console = Console(width=None if terminal or "COLUMNS" in os.environ else PIPE_WIDTH)
    console.width = max(LEAST_WIDTH, console.width)
    return console


def for_progress() -> Console:
    """Return stderr."""
    return Console(stderr=True)
