"""Where results and progress go: stdout and stderr, each as wide as it is."""

from __future__ import annotations

import os
import sys

from rich.console import Console

#: Columns of a pipe or a file, which has no width of its own.
PIPE_WIDTH = 120


def for_results() -> Console:
    """Return stdout; a pipe gets lines wide enough for whole tables, unless COLUMNS says."""
    piped = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Console(width=PIPE_WIDTH if piped else None)


def for_progress() -> Console:
    """Return stderr."""
    return Console(stderr=True)
