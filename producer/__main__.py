"""The program `python -m producer`, which sends a light, steady load.

    LOAD_RATE     tasks per second; default 20; 0 sends none
    LOAD_MIX      tasks and their weights; default cpu.burn=1,io.sleep=3,mixed.work=1
    LOAD_QUEUES   queues, used in turn; default: one named after each pool

CELERY_BROKER_URL names the broker. SIGTERM and Ctrl-C end the program with exit code 0.
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
#: The highest rate, in tasks per second; above it the producer itself could be the bottleneck.
MOST_RATE: Final = 1_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The load that the environment variables describe."""

    rate_per_s: float
    weights: Mapping[str, int]
    queues: tuple[str, ...]

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """Read the variables; an empty one counts as not set.

        Raises UsageError if a value is invalid.
        """
        queues = environment.get("LOAD_QUEUES") or ",".join(DEFAULT_POOLS)
        named = tuple(dict.fromkeys(filter(None, (part.strip() for part in queues.split(",")))))
        if not named:
            raise UsageError("LOAD_QUEUES names no queue; try LOAD_QUEUES=prefork,threads")
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
            f"LOAD_RATE must be a number of tasks per second from 0 to {MOST_RATE:g}, not {text!r}"
        )
    return rate


def say(line: str) -> None:
    """Write a progress line to stderr."""
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
        say("LOAD_RATE=0: sending nothing")
        while True:
            signal.pause()  # stay alive, because a container that exits counts as failed
    app.loader.import_default_modules()
    mix = ", ".join(f"{task} ×{weight}" for task, weight in settings.weights.items())
    queues = ", ".join(settings.queues)
    say(f"sending {settings.rate_per_s:g} tasks per second ({mix}) to {queues} in turn")
    load = Load(
        rate_per_s=settings.rate_per_s,
        turns=spread_over(settings.queues, turns(settings.weights)),
    )
    serve(load, app, say)


if __name__ == "__main__":
    sys.exit(main(os.environ))
