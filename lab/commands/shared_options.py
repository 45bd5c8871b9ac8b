"""Options that several commands share."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click
from click.core import ParameterSource

from cluster.program import program
from lab.commands.option_types import AnyPath, Transports
from tasks.celery import use_transport
from tasks.errors import UsageError
from tasks.transport_options import TRANSPORT_VARIABLE, TRANSPORTS
from worker.pools import Pool, pool_named


def _use_transport(_context: click.Context, _option: click.Parameter, name: str | None) -> None:
    if name:
        use_transport(name)


out = click.option(
    "--out",
    metavar="FOLDER",
    type=AnyPath(),
    default=Path("runs"),
    envvar="POOLWISE_OUT",
    show_envvar=True,
    show_default=True,
    help="Where to create a folder for what this run writes, such as logs and results.",
)
transport = click.option(
    "--transport",
    type=click.Choice(TRANSPORTS),
    envvar=TRANSPORT_VARIABLE,
    show_envvar=True,
    callback=_use_transport,
    expose_value=False,
    help="How workers talk to Redis: stock is kombu's own transport, lease is the one in "
    "docs/transport.md.  [default: stock]",
)
transports = click.option(
    "--transport",
    "transports",
    metavar="LIST",
    type=Transports(),
    default=TRANSPORTS[0],
    show_default=True,
    envvar=TRANSPORT_VARIABLE,
    show_envvar=True,
    help="How workers talk to Redis: stock is kombu's own transport, lease is the one in "
    "docs/transport.md. Give both, as stock,lease, to run every pool with each of them.",
)
json_output = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")

#: More slots than any machine can hold; a smaller number is checked against this machine.
MOST_SLOTS = 1_000_000_000


def was_typed(name: str) -> bool:
    """Return whether the option was given on the command line, also before a sub-command."""
    context: click.Context | None = click.get_current_context()
    while context is not None:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            return True
        context = context.parent
    return False


def repeating(seed: int) -> str:
    """Return the command as it was typed, with its seed if that was not typed."""
    typed = f"{program()} {shlex.join(sys.argv[1:])}"
    return typed if was_typed("seed") else f"{typed} --seed {seed}"


def names(text: str | None) -> tuple[str, ...]:
    """Split a comma-separated list of names."""
    return tuple(filter(None, (part.strip() for part in (text or "").split(","))))


def pools_named(text: str, *, option: str = "--pools") -> tuple[Pool, ...]:
    """Return the pools of a comma-separated list, each once.

    Raises UsageError if the list is empty or a name is unknown.
    """
    chosen = tuple(dict.fromkeys(pool_named(name) for name in names(text)))
    if not chosen:
        raise UsageError(f"{option} is empty: name at least one pool")
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
