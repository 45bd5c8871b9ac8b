"""Writes one output file whole, to whatever its path names; it knows no result."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from lab.results.foreign_text import shown
from tasks.errors import ResultFileError


def write_whole(path: Path, data: bytes, *, inputs: Iterable[Path] = ()) -> None:
    """Write `data` to `path`, so that no reader ever sees half a file.

    A regular file is replaced at once and keeps its mode; a link is followed. A pipe or a character
    device is written to, never replaced.

    Raises ResultFileError, one line that names the path, if `path` is one of the `inputs`, is a
    folder or a disk, or cannot be written.
    """
    try:
        there = _stat(path)
        if there is not None:
            _check(path, there, inputs)
        if there is None or stat.S_ISREG(there.st_mode):
            _replace(path, data, there)
        else:
            _write_through(path, data)
    except OSError as error:
        raise ResultFileError(f"cannot write {shown(path)}: {error.strerror}") from error
    except ValueError as error:  # a NUL in the name
        raise ResultFileError(f"cannot write {shown(path)}: {error}") from error


def _stat(path: Path) -> os.stat_result | None:
    """Return what `path` names, through all links; None if nothing is there yet."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _check(path: Path, there: os.stat_result, inputs: Iterable[Path]) -> None:
    if stat.S_ISDIR(there.st_mode):
        raise ResultFileError(f"cannot write {shown(path)}: it is a folder; pass a file in it")
    if stat.S_ISBLK(there.st_mode):
        raise ResultFileError(f"cannot write {shown(path)}: it is a disk; pass a file")
    for given in inputs:
        # By what they name, because two names may lead to one file.
        if (other := _stat(given)) is not None and os.path.samestat(there, other):
            raise ResultFileError(
                f"cannot write {shown(path)}: {shown(given)} is the same file, and is also an "
                "input; choose another output"
            )
    if not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _replace(path: Path, data: bytes, there: os.stat_result | None) -> None:
    """Write a draft next to the file that `path` leads to, then rename it."""
    target = Path(os.path.realpath(path))
    if there is not None and not _names(target, there):  # such as /proc/self/fd/1, deleted
        _write_through(path, data)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    # Of a length of its own, so that every name that the file may have is possible.
    draft = target.with_name(f".poolwise-{uuid4().hex[:12]}")
    try:
        with draft.open("xb") as file:
            file.write(data)
            if there is not None:
                _keep_access(file.fileno(), there)
        draft.replace(target)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise


def _names(target: Path, there: os.stat_result) -> bool:
    found = _stat(target)
    return found is not None and os.path.samestat(found, there)


def _keep_access(descriptor: int, there: os.stat_result) -> None:
    with suppress(PermissionError):  # only root may give a file away
        os.fchown(descriptor, there.st_uid, there.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(there.st_mode))


def _write_through(path: Path, data: bytes) -> None:
    """Write to what is there; to a pipe that nobody reads yet, when somebody does."""
    descriptor = os.open(path, os.O_WRONLY)
    with open(descriptor, "wb", buffering=0) as file:  # noqa: PTH123 - a descriptor, not a path
        rest = memoryview(data)
        while rest:
            rest = rest[file.write(rest) or 0 :]
