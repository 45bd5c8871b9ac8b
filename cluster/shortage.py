"""Explains that this machine, or a limit of this shell, has run out of something."""

from __future__ import annotations

import errno
import resource
from collections.abc import Iterator
from contextlib import contextmanager

from tasks.errors import MachineError

#: Open files that each process may need: the broker and a worker with 100 slots need most.
OPEN_FILES = 256
_FILES = f"too many open files: raise the limit with ulimit -n {4 * OPEN_FILES} and try again"
_MEMORY = (
    "out of memory: stop other programs, or raise the limit of this shell (ulimit -v), and try "
    "again"
)
_PROCESSES = (
    "no more processes or threads can be started: stop some, or raise the limit of this user "
    "(ulimit -u), and try again"
)
_BY_NUMBER = {errno.EMFILE: _FILES, errno.ENFILE: _FILES, errno.ENOMEM: _MEMORY}
#: Errors that have no number are known by their words: Python's, and the dynamic linker's.
_BY_WORDS = {
    "can't start new thread": _PROCESSES,
    "failed to map segment": _MEMORY,
    "cannot allocate memory": _MEMORY,
}


def check_open_files() -> None:
    """Raise MachineError if a process may not open as many files as Poolwise needs.

    Those processes would fail each in its own way, long after their start.
    """
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit != resource.RLIM_INFINITY and limit < OPEN_FILES:
        raise MachineError(
            f"a process may open only {limit} files here, but Poolwise needs {OPEN_FILES}: raise "
            f"the limit with ulimit -n {4 * OPEN_FILES} and try again"
        )


@contextmanager
def explained() -> Iterator[None]:
    """Raise MachineError if the block fails because something has run out."""
    try:
        yield
    except Exception as error:
        if (why := _shortage(error)) is not None:
            raise MachineError(why) from error
        raise


@contextmanager
def explained_start() -> Iterator[None]:
    """The same for a block that only starts a process.

    If that fails, EAGAIN is a shortage; elsewhere it is not.
    """
    with explained():
        try:
            yield
        except BlockingIOError as error:
            raise MachineError(_PROCESSES) from error


def _shortage(error: BaseException | None) -> str | None:
    """Return what has run out if that is why `error`, or an error before it, was raised."""
    while error is not None:
        if isinstance(error, MemoryError):
            return _MEMORY
        if isinstance(error, OSError) and error.errno in _BY_NUMBER:
            return _BY_NUMBER[error.errno]
        if isinstance(error, RuntimeError | ImportError):
            for words, why in _BY_WORDS.items():
                if words in str(error):
                    return why
        error = error.__cause__ or error.__context__
    return None
