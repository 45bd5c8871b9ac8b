"""The errors that a user can fix, with the exit code of each.

    PoolwiseError                 1  something else that the user can fix
    ├── UsageError                2  an option or argument is invalid
    ├── BrokerError               3  there is no usable broker
    ├── WorkerError               4  a worker or a server it needs failed or does not answer
    ├── ResultFileError           5  a result or report cannot be read or written
    └── MachineError              6  this machine does not have enough resources

Ctrl-C ends a command with 130, SIGTERM with 143, SIGHUP with 129, as shells expect. A traceback is
a bug.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return "did you mean …? " with the closest known name; empty if none is close."""
    near = difflib.get_close_matches(name, tuple(known), n=1)
    return f"did you mean {near[0]}? " if near else ""


class PoolwiseError(Exception):
    """Raised for anything that the user can fix; its text is one line that says how."""

    exit_code: ClassVar[int] = 1


class UsageError(PoolwiseError):
    """Raised when an option or an argument is invalid."""

    exit_code = 2

    @classmethod
    def unknown(cls, kind: str, name: str, known: Iterable[str]) -> UsageError:
        """Return the error for a name that is not in `known`, with the closest match."""
        names = tuple(known)
        return cls(f"no {kind} named {name!r} ({suggestion(name, names)}known: {', '.join(names)})")


class BrokerError(PoolwiseError):
    """Raised when the broker rejects the connection, times out or is not Redis."""

    exit_code = 3


class WorkerError(PoolwiseError):
    """Raised when a worker does not start, dies, does not answer or cannot be switched."""

    exit_code = 4


class ResultFileError(PoolwiseError):
    """Raised when a result or report cannot be read or written."""

    exit_code = 5


class MachineError(PoolwiseError):
    """Raised when the machine does not have enough processes, memory or open files."""

    exit_code = 6
