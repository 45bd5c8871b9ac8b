"""The options that name a user's own project and its calls, and the question before they run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import click

from lab.commands.consent import ask
from lab.commands.option_types import AnyPath
from lab.commands.streams import say

_OF_CALLS: Final = (
    click.argument("task", required=False, default=""),
    click.option(
        "--args",
        multiple=True,
        metavar="JSON",
        help="Arguments of the task, such as '[\"SKU-1\"]'. Repeat the option to measure several "
        "calls.",
    ),
    click.option(
        "--kwargs",
        multiple=True,
        metavar="JSON",
        help="Keyword arguments, such as '{\"page\": 2}'.",
    ),
    click.option(
        "--calls",
        type=AnyPath(),
        metavar="FILE",
        help='A file of calls, one JSON object per line: {"task": "shop.mail", "args": [], '
        '"kwargs": {}}. A line without "task" calls TASK.',
    ),
    click.option(
        "--python",
        default="",
        metavar="PATH",
        help="Your project's interpreter. [default: the one in .venv, venv or env here, in the "
        "active environment, or else Poolwise's own]",
    ),
    click.option(
        "--allow",
        multiple=True,
        metavar="HOST:PORT",
        help="Let the task connect to this address. By default it cannot reach the addresses of "
        "your broker and result backend, so a cache or database there is blocked too.",
    ),
    click.option("--yes", is_flag=True, help="Run the task without asking first."),
)


def of_calls(command: Any) -> Any:
    """Add the options `task`, `args`, `kwargs`, `calls`, `python`, `allow` and `yes`."""
    for option in reversed(_OF_CALLS):
        command = option(command)
    return command


def confirm(lines: Iterable[str], *, yes: bool) -> None:
    """Say what will be run, and ask; raise UsageError if there is nobody to ask."""
    say("\n".join(lines), progress=True)
    if yes:
        return
    ask("Run it?", "runs your task many times")
