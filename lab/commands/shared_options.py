"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from click.core import ParameterSource

from cluster.discovery import RemoteControl
from lab.commands.option_types import AnyPath
from producer import broker as broker_of_workers
from producer.address import usable
from tasks import settings
from tasks.celery import app
from tasks.errors import UsageError
from worker.pools import Pool, pool_named


class BrokerUrl(click.ParamType[str]):
    """The address of a Redis; an invalid one is reported, but not shown."""

    name = "url"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the address as every library reads it; raise UsageError if it is invalid."""
        source = _source(param, ctx)
        if not value.strip():  # an empty variable, passed on
            raise UsageError(f"{source} is empty: set it to a broker URL, or leave it out")
        return usable(value, source)


def _source(param: click.Parameter | None, context: click.Context | None) -> str:
    """Return the option or environment variable that holds the value of `param`."""
    if param is None or context is None or param.name is None:
        return "--broker"
    if context.get_parameter_source(param.name) is not ParameterSource.ENVIRONMENT:
        return param.opts[0]
    variables = [param.envvar] if isinstance(param.envvar, str) else param.envvar or ()
    return next((name for name in variables if os.environ.get(name)), param.opts[0])


broker = click.option(
    "--broker",
    metavar="URL",
    type=BrokerUrl(),
    envvar="POOLWISE_BROKER",
    show_envvar=True,
    help="URL of the Redis to use, such as redis://:PASSWORD@HOST:6379/0. `ps` shows a password "
    "given here; set the variable instead to hide it. [default: an embedded one]",
)
running_broker = click.option(
    "--broker",
    metavar="URL",
    type=BrokerUrl(),
    envvar=["POOLWISE_BROKER", "CELERY_BROKER_URL"],
    show_envvar=True,
    default="redis://localhost:6379/0",
    show_default=True,
    help="URL of the broker that the workers use.",
)
out = click.option(
    "--out",
    metavar="FOLDER",
    type=AnyPath(),
    default=Path("runs"),
    envvar="POOLWISE_OUT",
    show_envvar=True,
    show_default=True,
    help="Where to create a folder for this run's logs, result and report.",
)
json_output = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")

#: More slots than any machine can hold; a smaller number is checked against this machine.
MOST_SLOTS = 1_000_000_000
#: What to do if no broker answers.
START_SOME = (
    "Start a cluster with poolwise up. If yours runs in docker compose, put docker compose run "
    "--rm in front of poolwise"
)


def chosen_broker(broker: str | None, *, on_running: bool) -> str | None:
    """Return the broker to use: None for an embedded one.

    Raises UsageError if the running workers' broker has an invalid address.
    """
    if broker or not on_running:
        return broker or None
    return usable(settings.broker_url, "CELERY_BROKER_URL")


@contextmanager
def remote_control(url: str) -> Iterator[RemoteControl]:
    """Connect to the workers of a broker; raise BrokerError if no broker answers."""
    broker_of_workers.connect(url, f"{START_SOME}.").close()
    with RemoteControl(app, url) as remote:
        yield remote


def names(text: str | None) -> tuple[str, ...]:
    """Split a comma-separated list of names."""
    return tuple(filter(None, (part.strip() for part in (text or "").split(","))))


def pools_named(text: str) -> tuple[Pool, ...]:
    """Return the pools of a comma-separated list, each once.

    Raises UsageError if the list is empty or a name is unknown.
    """
    chosen = tuple(dict.fromkeys(pool_named(name) for name in names(text)))
    if not chosen:
        raise UsageError("--pools is empty: name at least one pool")
    return chosen


def parse_concurrency(text: str) -> dict[str, int]:
    """Parse `prefork=4,gevent=200`; raise UsageError that names the part that is wrong."""
    slots: dict[str, int] = {}
    for part in names(text):
        name, _, number = (word.strip() for word in part.partition("="))
        if not number:
            raise UsageError(f"--concurrency takes POOL=NUMBER, such as prefork=4, not {part!r}")
        pool = pool_named(name)
        if pool.name in slots:
            raise UsageError(f"--concurrency names {pool.name} twice")
        slots[pool.name] = _slots(pool, number)
    return slots


def _slots(pool: Pool, number: str) -> int:
    try:
        value = int(number)
    except ValueError:
        raise UsageError(f"--concurrency {pool.name}={number!r} is not a whole number") from None
    if value < 1:
        raise UsageError(f"--concurrency {pool.name}={value}: a pool needs at least 1 slot")
    if value > MOST_SLOTS:
        raise UsageError(f"--concurrency {pool.name}: no machine has room for that many slots")
    check_fixed(pool, value)
    return value


def check_fixed(pool: Pool, slots: int) -> None:
    """Raise UsageError if `pool` has another number of slots, which cannot be changed."""
    fixed = pool.fixed_concurrency
    if fixed is not None and slots != fixed:
        raise UsageError(f"{pool.name} runs {fixed} task at a time: leave out its concurrency")
