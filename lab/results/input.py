"""Reads one input file whole, in bounded time and memory; it knows no result."""

from __future__ import annotations

import os
import select
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from lab.results.foreign_text import shown
from tasks.errors import ResultFileError

#: Bytes of the largest input; a race of an hour has a few dozen million.
MOST_BYTES: Final = 1 << 28
#: Seconds that a pipe may be silent; a pipe that nobody writes to stays silent.
SILENCE_S = 10.0

_CHUNK_BYTES: Final = 1 << 20


def read_whole(path: Path) -> bytes:
    """Read a regular file or a pipe, such as the shell's `<(…)`.

    Raises ResultFileError, one line that names the path, if it is something else, too large, or
    cannot be read.
    """
    try:
        # Not blocking: opening a pipe would wait until somebody writes to it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            _check(path, os.fstat(descriptor))
            return b"".join(_chunks(path, descriptor))
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ResultFileError(f"cannot read {shown(path)}: {error.strerror}") from error
    except ValueError as error:  # a NUL in the name
        raise ResultFileError(f"cannot read {shown(path)}: {error}") from error


def _check(path: Path, opened: os.stat_result) -> None:
    if stat.S_ISDIR(opened.st_mode):
        raise ResultFileError(f"cannot read {shown(path)}: it is a folder; pass a file in it")
    if not (stat.S_ISREG(opened.st_mode) or stat.S_ISFIFO(opened.st_mode)):
        raise ResultFileError(f"cannot read {shown(path)}: it is a device; pass a file")
    if opened.st_size > MOST_BYTES:
        raise _too_large(path)


def _chunks(path: Path, descriptor: int) -> Iterator[bytes]:
    left = MOST_BYTES
    ready = select.poll()
    ready.register(descriptor, select.POLLIN)
    while True:
        if not ready.poll(SILENCE_S * 1_000):
            raise ResultFileError(
                f"cannot read {shown(path)}: it is a pipe, and no data arrived for {SILENCE_S:g} s"
            )
        chunk = os.read(descriptor, _CHUNK_BYTES)
        if not chunk:
            return
        left -= len(chunk)
        if left < 0:
            raise _too_large(path)
        yield chunk


def _too_large(path: Path) -> ResultFileError:
    return ResultFileError(
        f"cannot read {shown(path)}: it is larger than {MOST_BYTES >> 20} MiB, and no result is "
        "that large"
    )
