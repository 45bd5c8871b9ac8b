"""How users type Poolwise and its Celery, so that a printed command line works where it is read."""

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
    return os.environ.get(VARIABLE, "").strip() or _typed("poolwise")


def celery_program() -> str:
    """Return how a shell starts the Celery that is installed beside this program."""
    return _typed("celery")


def _typed(name: str) -> str:
    """Return `name` if a shell finds this environment's script, else the path of the script."""
    running = Path(sys.argv[0])
    script = running.with_name(name)
    if running.name != "poolwise":  # such as `python -m`, or a test
        return name
    found = shutil.which(name)
    return name if found and script.exists() and script.samefile(found) else quote(str(script))
