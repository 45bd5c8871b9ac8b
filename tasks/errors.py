"""The root of every error that is a person's to mend, and the exit code each one ends with.

    PoolwiseError                 1  something went wrong that a person can mend
    ├── UsageError                2  what was typed cannot be done as typed
    ├── BrokerError               3  no usable broker
    ├── WorkerError               4  a worker did not start, or did not stay
    ├── ResultFileError           5  a result or report cannot be read or written
    └── MachineError              6  this machine cannot hold what was asked for

Ctrl-C ends with 130, SIGTERM with 143, as shells expect. A traceback is a bug of ours.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar


class PoolwiseError(Exception):
    """Raised for anything a person can mend; its text is one line that says how."""

    exit_code: ClassVar[int] = 1


class UsageError(PoolwiseError):
    """Raised when an option or an argument cannot be what it is."""

    exit_code = 2

    @classmethod
    def unknown(cls, kind: str, name: str, known: Iterable[str]) -> UsageError:
        """Return the error for a name that is none of `known`, with the nearest of them."""
        names = tuple(known)
        near = difflib.get_close_matches(name, names, n=1)
        guess = f"did you mean {near[0]}? " if near else ""
        return cls(f"no {kind} named {name!r} ({guess}known: {', '.join(names)})")


class BrokerError(PoolwiseError):
    """Raised when the broker refuses, times out, wants a password, or is not Redis."""

    exit_code = 3


class WorkerError(PoolwiseError):
    """Raised when a worker does not start; the text ends with the tail of its log."""

    exit_code = 4


class ResultFileError(PoolwiseError):
    """Raised when a result or report cannot be read or written."""

    exit_code = 5


class MachineError(PoolwiseError):
    """Raised when the machine's processes, memory or files do not reach for what was asked."""

    exit_code = 6
