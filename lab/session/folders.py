"""The folder of a run, named so that runs sort by time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from lab.results.foreign_text import shown
from tasks.errors import ResultFileError


@contextmanager
def run_folder(parent: Path, kind: str, now: datetime) -> Iterator[Path]:
    """Make `parent`/2026-11-23-1412-`kind`, with a number appended if that exists.

    It is removed again if nothing was written to it, for example after a mistyped option.

    Raises ResultFileError if it cannot be made or written to.
    """
    new = [one for one in (parent, *parent.parents) if not os.path.lexists(one)]
    folder = _made(parent, f"{now:%Y-%m-%d-%H%M}-{kind}")
    try:
        yield folder
    finally:
        with suppress(OSError):  # not empty
            for one in (folder, *new):
                one.rmdir()


def _made(parent: Path, stem: str) -> Path:
    for number in range(1, 1_000):
        folder = parent / (stem if number == 1 else f"{stem}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            if not os.path.isdir(parent):  # noqa: PTH112 - Path.is_dir may raise
                break
            continue
        except OSError as error:
            raise ResultFileError(_cannot(parent, error.strerror)) from error
        except ValueError as error:  # a NUL in the name
            raise ResultFileError(_cannot(parent, str(error))) from error
        return folder
    raise ResultFileError(_cannot(parent, "it is not a folder"))


def _cannot(parent: Path, why: str | None) -> str:
    return f"cannot write results to {shown(parent)}: {why}; choose another folder with --out"
