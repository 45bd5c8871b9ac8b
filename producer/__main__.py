"""The light producer as a program, `python -m producer`: settings in, a steady load out.

    LOAD_RATE     tasks a second, 20 if not set; 0: none at all
    LOAD_MIX      which small tasks, and how many of each to one of the others
    LOAD_QUEUES   which queues they go to in turn: those named like the pools

The broker is the app's: CELERY_BROKER_URL. SIGTERM and Ctrl-C end it with exit code 0.
"""

from __future__ import annotations

import math
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import Final, NoReturn

from producer.mix import parse_mix, spread_over, turns
from producer.steady_load import Load, serve
from tasks.celery import app
from tasks.errors import PoolwiseError, UsageError
from worker.pools import DEFAULT_POOLS

DEFAULT_RATE: Final = "20"
DEFAULT_MIX: Final = "cpu.burn=1,io.sleep=3,mixed.work=1"
#: Beyond it this producer would be no light one, and its own limit would show.
MOST_RATE: Final = 1_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the environment asks for."""

    rate_per_s: float
    weights: Mapping[str, int]
    queues: tuple[str, ...]

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """Read the variables; one that is empty counts as not set.

        Raises UsageError, with one line, where one cannot be what it is.
        """
        queues = environment.get("LOAD_QUEUES") or ",".join(DEFAULT_POOLS)
        named = tuple(dict.fromkeys(filter(None, (part.strip() for part in queues.split(",")))))
        if not named:
            raise UsageError("LOAD_QUEUES names no queue; such as LOAD_QUEUES=prefork,threads")
        return cls(
            rate_per_s=_rate(environment.get("LOAD_RATE") or DEFAULT_RATE),
            weights=parse_mix(environment.get("LOAD_MIX") or DEFAULT_MIX),
            queues=named,
        )


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0 <= rate <= MOST_RATE:
        raise UsageError(
            f"LOAD_RATE is tasks per second, a number of 0 to {MOST_RATE:g}, not {text!r}"
        )
    return rate


def say(line: str) -> None:
    """Write a line of progress."""
    sys.stderr.write(f"producer: {line}\n")
    sys.stderr.flush()


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)


def main(environment: Mapping[str, str]) -> int:
    """Send the load until SIGTERM or Ctrl-C; return the exit code."""
    signal.signal(signal.SIGTERM, _leave)
    with suppress(KeyboardInterrupt):
        try:
            _serve(Settings.read(environment))
        except PoolwiseError as error:
            sys.stderr.write(f"error: {error}\n")
            return error.exit_code
    return 0


def _serve(settings: Settings) -> None:
    if not settings.rate_per_s:
        say("LOAD_RATE=0: no load")
        while True:
            signal.pause()  # a container that ended would be no healthy one
    app.loader.import_default_modules()
    mix = ", ".join(f"{task} ×{weight}" for task, weight in settings.weights.items())
    say(f"{settings.rate_per_s:g} tasks a second, {mix}, to {', '.join(settings.queues)} in turn")
    load = Load(
        rate_per_s=settings.rate_per_s,
        turns=spread_over(settings.queues, turns(settings.weights)),
    )
    serve(load, app, say)


if __name__ == "__main__":
    sys.exit(main(os.environ))
