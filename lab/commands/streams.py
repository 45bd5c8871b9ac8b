"""Standard input, output and error, usable however the command was started."""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from contextlib import suppress
from typing import Any, Final, TextIO

#: Errors of an output that nobody reads any more: a closed pipe, a terminal that was closed.
GONE: Final = frozenset({errno.EPIPE, errno.EIO})
#: Columns and lines of the largest terminal that the environment may name.
MOST_CELLS: Final = 10_000
#: Exit code if the result could not be printed.
NOT_PRINTED: Final = 5


def prepare() -> None:
    """Replace the streams of this process by ones that never end a command.

    Output that cannot be written is dropped, because the results in files count more; `problem`
    reports it at the end. Characters that the encoding does not have are replaced.
    """
    for descriptor in (0, 1, 2):
        _occupy(descriptor)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - as Python does
    sys.stdout = _robust(sys.stdout, 1)
    sys.stderr = _robust(sys.stderr, 2)
    for name in ("COLUMNS", "LINES"):
        _check_cells(name)


def problem() -> str:
    """Write out what is buffered; say why stdout could not be written, empty if it could.

    A reader that has left early, such as `head`, is not a problem.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # not prepared, closed, or None
            stream.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    error = raw.error if isinstance(raw, _Output) else None
    if error is None or error.errno in GONE:
        return ""
    if error.errno == errno.ENOSPC:
        return "the disk is full: free some space and try again"
    return f"cannot write to standard output: {error.strerror}"


def say(line: str, *, progress: bool = False) -> None:
    """Print a line of the result as it is, however long, or one of progress.

    Unlike click's `echo`, it uses the encoding of the stream even if that is ASCII.
    """
    stream = sys.stderr if progress else sys.stdout
    if stream is not None:  # None if it was closed before Python started
        stream.write(f"{line}\n")
        stream.flush()


class _Output(io.FileIO):
    """An output that remembers its first error and drops what follows."""

    error: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write some of `data`, or drop all of it; return how many bytes that were."""
        while self.error is None:
            try:
                written = super().write(data)
                if written is not None:
                    return written
                _wait_for_room(self.fileno())
            except OSError as error:
                self.error = error
        return memoryview(data).nbytes


def _wait_for_room(descriptor: int) -> None:
    """Wait as a blocking write would; another program may have made the pipe non-blocking."""
    room = select.poll()
    room.register(descriptor, select.POLLOUT)
    room.poll()


def _occupy(descriptor: int) -> None:
    """Open the null device if the descriptor is closed.

    Otherwise the next file or connection would get its number, and take what is printed.
    """
    try:
        os.fstat(descriptor)
    except OSError:
        null = os.open(os.devnull, os.O_RDWR)
        if null != descriptor:
            os.dup2(null, descriptor)
            os.close(null)
        os.set_inheritable(descriptor, True)


def _robust(stream: TextIO | None, descriptor: int) -> TextIO:
    if stream is None:  # closed when Python started
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - lives on
    return io.TextIOWrapper(
        io.BufferedWriter(_Output(descriptor, "w", closefd=False)),
        encoding=stream.encoding,
        errors="replace",
        line_buffering=True,
        write_through=getattr(stream, "write_through", False),
    )


def _check_cells(name: str) -> None:
    """Remove a size that terminal libraries could not read, or would fill with spaces."""
    text = os.environ.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 0 < int(text) <= MOST_CELLS):
        os.environ.pop(name, None)
