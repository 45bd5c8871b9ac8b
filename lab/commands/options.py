"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

broker = click.option(
    "--broker",
    metavar="URL",
    envvar="POOLWISE_BROKER",
    show_envvar=True,
    help="A Redis to use, such as redis://:PASSWORD@HOST:6379/0. Without it, an embedded one.",
)
out = click.option(
    "--out",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    envvar="POOLWISE_OUT",
    show_envvar=True,
    show_default=True,
    help="Where the run's folder is made: logs, result, report.",
)
quiet_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


def names(text: str | None) -> tuple[str, ...]:
    """Split a list of names at its commas."""
    return tuple(filter(None, (part.strip() for part in (text or "").split(","))))
