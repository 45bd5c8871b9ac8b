"""How users type the program, so that a command line that is printed works where it is read."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from shlex import quote
from typing import Final

#: Names the words before a sub-command; the container of docker compose sets it.
VARIABLE: Final = "POOLWISE_COMMAND"


def program() -> str:
    """Return the words that start this program: `poolwise` if a shell finds it, else its path."""
    if words := os.environ.get(VARIABLE, "").strip():
        return words
    typed = Path(sys.argv[0])
    if typed.name != "poolwise":  # such as `python -m`, or a test
        return "poolwise"
    found = shutil.which("poolwise")
    return "poolwise" if found and typed.exists() and typed.samefile(found) else quote(str(typed))
