"""Finds the Python interpreter of the user's project."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from tasks.errors import UsageError

#: Folders of virtual environments, relative to the project.
ENVIRONMENTS = (".venv", "venv", "env")
#: Where a virtual environment keeps its interpreter.
PROGRAM = Path("bin", "python")


def find_python(chosen: str, folder: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the interpreter `chosen`; without one, that of the project in `folder`.

    An environment in the folder comes before the active one, which is usually Poolwise's. If there
    is neither, Poolwise may be installed next to the project: its own interpreter is returned.
    Raises UsageError if the chosen one cannot be run.
    """
    if chosen:
        return _checked(Path(chosen).expanduser())
    for name in ENVIRONMENTS:
        if _runs(folder / name / PROGRAM):
            return folder / name / PROGRAM
    active = environment.get("VIRTUAL_ENV")
    if active and _runs(Path(active) / PROGRAM):
        return Path(active) / PROGRAM
    return Path(sys.executable)


def _checked(path: Path) -> Path:
    if path.is_dir():
        path = path / PROGRAM
    if not _runs(path):
        raise UsageError(f"--python {path} is not an executable file")
    return path.absolute()  # not resolved: from the link, Python knows its environment


def _runs(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
