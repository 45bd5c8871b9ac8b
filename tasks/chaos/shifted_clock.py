"""Runs `celery` with a wall clock that is off: `python -m tasks.chaos.shifted_clock SECONDS ...`.

It shifts what Python code reads: `time.time`, `time.time_ns`, and `now`, `utcnow` and `today` of
`datetime.datetime`, in the worker and in the processes of its pool. `time.monotonic` is not
shifted, as on a machine whose wall clock is off; nor are the times that C code and the kernel read,
such as those of files.
"""

from __future__ import annotations

import datetime
import sys
import time
from typing import Self


def shift(seconds: float) -> None:
    """Shift the wall clock of this process; call it before other modules are imported."""
    real_s, real_ns = time.time, time.time_ns
    time.time = lambda: real_s() + seconds
    time.time_ns = lambda: real_ns() + int(seconds * 1e9)
    datetime.datetime = _shifted(datetime.timedelta(seconds=seconds))  # type: ignore[misc]


def _shifted(by: datetime.timedelta) -> type[datetime.datetime]:
    real = datetime.datetime

    class Alike(type):
        """Makes instances of the real class instances of the shifted one too."""

        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, real)

        def __subclasscheck__(cls, other: type) -> bool:
            return issubclass(other, real)

    class ShiftedDateTime(datetime.datetime, metaclass=Alike):
        """The real class with another idea of now."""

        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Self:
            return super().now(tz) + by

        @classmethod
        def utcnow(cls) -> Self:
            return super().utcnow() + by

        @classmethod
        def today(cls) -> Self:
            return super().today() + by

    return ShiftedDateTime


def main() -> None:
    """Shift the clock, then do what `python -m celery` does."""
    shift(float(sys.argv.pop(1)))
    from celery.__main__ import main as celery  # noqa: PLC0415 - only once the clock is shifted

    celery()


if __name__ == "__main__":
    main()
