"""The program `python -m producer`, which sends a light, steady load."""

from __future__ import annotations

import math
import os
import re
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import Final, NoReturn

import click

from producer.address import redacted, usable
from producer.mix import MOST_SHOWN, parse_mix, spread_over, turns
from producer.steady_load import Load, serve
from tasks import settings as app_settings
from tasks.celery import app, use_broker
from tasks.errors import PoolwiseError, UsageError
from worker.pools import DEFAULT_POOLS
from worker.probe import NoRecordsError, records_places

DEFAULT_RATE: Final = "20"
DEFAULT_MIX: Final = "cpu.burn=1,io.sleep=3,mixed.work=1"
#: The lowest rate except 0, in tasks per second, and the highest; above it the producer itself
#: could be the bottleneck.
LEAST_RATE: Final = 0.001
MOST_RATE: Final = 1_000.0
#: The most queues, and the longest name of one, in characters.
MOST_QUEUES: Final = 100
LONGEST_NAME: Final = 200
#: Keys that kombu and the probe use themselves, and so cannot be queues.
_RESERVED: Final = re.compile(r"unacked(_index|_mutex)?|_kombu\..*|poolwise:.*")


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
        return cls(
            rate_per_s=_rate(environment.get("LOAD_RATE") or DEFAULT_RATE),
            weights=parse_mix(environment.get("LOAD_MIX") or DEFAULT_MIX),
            queues=_queues(environment.get("LOAD_QUEUES") or ",".join(DEFAULT_POOLS)),
        )


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if rate != 0 and not LEAST_RATE <= rate <= MOST_RATE:
        raise UsageError(
            "LOAD_RATE must be a number of tasks per second, 0 or from "
            f"{LEAST_RATE:g} to {MOST_RATE:g}, not {text[:MOST_SHOWN]!r}"
        )
    return rate


def _queues(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(filter(None, (part.strip() for part in text.split(",")))))
    if not names:
        raise UsageError("LOAD_QUEUES names no queue; try LOAD_QUEUES=prefork,threads")
    if len(names) > MOST_QUEUES:
        raise UsageError(f"LOAD_QUEUES names {len(names):,} queues; the maximum is {MOST_QUEUES}")
    for name in names:
        if not name.isprintable() or len(name) > LONGEST_NAME or _RESERVED.fullmatch(name):
            raise UsageError(f"LOAD_QUEUES: {name[:MOST_SHOWN]!r} is not a valid queue name")
    return names


def say(line: str) -> None:
    """Write a progress line to stderr."""
    sys.stderr.write(f"producer: {line}\n")
    sys.stderr.flush()


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    # At once, because Python swallows an exception that comes while it tidies up an object. There
    # is nothing to finish: no task is held here.
    os._exit(0)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
def load() -> None:
    """Send a light, steady load of small tasks to a cluster until SIGTERM or Ctrl-C.

    Environment variables describe the load; none is required.

    \b
    LOAD_RATE    tasks per second, up to 1000; default 20; 0 sends none
    LOAD_MIX     tasks and their weights; default cpu.burn=1,io.sleep=3,mixed.work=1
    LOAD_QUEUES  queues, used in turn; default: one named after each pool
    CELERY_BROKER_URL
                 the broker; default redis://localhost:6379/0

    \b
    Example:
      LOAD_RATE=100 LOAD_MIX=io.sleep LOAD_QUEUES=threads,gevent python -m producer
    """
    settings = Settings.read(os.environ)
    use_broker(usable(app_settings.broker_url, "CELERY_BROKER_URL"))
    try:
        records_places(app)
    except NoRecordsError as error:
        raise UsageError(str(error)) from None
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    _serve(settings)


def main(arguments: list[str]) -> int:
    """Run the command and return its exit code; SIGTERM and Ctrl-C end it with 0."""
    with suppress(KeyboardInterrupt):
        try:
            load.main(arguments, prog_name="python -m producer", standalone_mode=False)
        except PoolwiseError as error:
            click.echo(f"error: {error}", err=True)
            return error.exit_code
        except click.Abort:  # click's name for Ctrl-C
            return 0
        except click.ClickException as error:
            error.show()
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
    say(
        f"sending {settings.rate_per_s:g} tasks per second ({mix}) to {queues} in turn, at "
        f"{redacted(app_settings.broker_url)}"
    )
    steady = Load(
        rate_per_s=settings.rate_per_s,
        turns=spread_over(settings.queues, turns(settings.weights)),
    )
    serve(steady, app, say)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
