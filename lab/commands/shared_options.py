"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from cluster.discovery import RemoteControl
from producer import broker as broker_of_workers
from tasks.celery import app
from tasks.errors import UsageError
from worker.pools import pool_named

broker = click.option(
    "--broker",
    metavar="URL",
    envvar="POOLWISE_BROKER",
    show_envvar=True,
    help="The Redis to use, such as redis://:PASSWORD@HOST:6379/0. [default: an embedded one]",
)
running_broker = click.option(
    "--broker",
    metavar="URL",
    envvar=["POOLWISE_BROKER", "CELERY_BROKER_URL"],
    show_envvar=True,
    default="redis://localhost:6379/0",
    show_default=True,
    help="The broker of the running workers.",
)
out = click.option(
    "--out",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    envvar="POOLWISE_OUT",
    show_envvar=True,
    show_default=True,
    help="Where to create the folder of the run, with its logs, result and report.",
)
json_output = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")

#: What to do if no broker answers.
START_SOME = "Start a cluster: poolwise up, or docker compose up"


@contextmanager
def remote_control(url: str) -> Iterator[RemoteControl]:
    """Connect to the workers of a broker; raise BrokerError if no broker answers."""
    broker_of_workers.connect(url, f"{START_SOME}.").close()
    with RemoteControl(app, url) as remote:
        yield remote


def names(text: str | None) -> tuple[str, ...]:
    """Split a comma-separated list of names."""
    return tuple(filter(None, (part.strip() for part in (text or "").split(","))))


def parse_concurrency(text: str) -> dict[str, int]:
    """Parse `prefork=4,gevent=200`; raise UsageError that names the part that is wrong."""
    slots: dict[str, int] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, number = part.partition("=")
        if not number:
            raise UsageError(f"--concurrency takes POOL=NUMBER, such as prefork=4, not {part!r}")
        slots[pool_named(name.strip()).name] = _positive(number.strip(), part)
    return slots


def _positive(number: str, part: str) -> int:
    try:
        value = int(number)
    except ValueError:
        raise UsageError(f"--concurrency {part}: {number!r} is not a whole number") from None
    if value < 1:
        raise UsageError(f"--concurrency {part}: a pool needs at least 1 slot")
    return value
