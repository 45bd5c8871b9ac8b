"""Parses a `celery worker` command line with Celery's own option declarations; starts nothing.

It does not import the project that the line names, so it does not know the project's settings.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final, cast

import click
from click.core import ParameterSource
from click.exceptions import NoArgsIsHelpError

from tasks.errors import UsageError
from worker.pools import pool_named

if TYPE_CHECKING:
    from celery import Celery

_ASSIGNMENT: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_EXAMPLE: Final = "for example: celery -A proj worker --pool threads"
_PROGRAMS: Final = frozenset({"celery", "celery.exe"})

#: How many characters of a rejected command line are shown.
MOST_SHOWN: Final = 200
#: Celery's prefix for environment variables that set options of `celery worker`.
ENV_PREFIX: Final = "CELERY_WORKER_"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedLine:
    """A parsed worker command line."""

    words: tuple[str, ...]  # as in the worker's sys.argv: `celery` and everything after it
    options: Mapping[str, Any]  # by click's names; typed or from the environment
    typed: frozenset[str]  # names of the options that were typed
    settings: Mapping[str, Any]  # trailing words such as `task.acks_late=1`
    broker_url: str  # empty: set by the project
    environment: Mapping[str, str]  # variables that were set in front of `celery`


def parse_line(argv: Sequence[str]) -> ParsedLine:
    """Parse the line as Celery would; raise UsageError, on one line, if Celery would reject it.

    Words before `celery` are environment variables (`NAME=value`) or a wrapper that starts it.
    """
    environment, words = _split(argv)
    group = parsing_group()
    try:
        with group.make_context(
            "celery", list(words[1:]), default_map=_options_from(environment)
        ) as root:
            options, typed, extra = group.invoke(root)
            broker = root.params.get("broker") or _broker_of(environment)
    except click.ClickException as refused:
        raise UsageError(_one_line(refused, group)) from None
    return ParsedLine(
        words=words,
        options=options,
        typed=typed,
        settings=_settings(extra),
        broker_url=broker,
        environment=environment,
    )


def _broker_of(environment: Mapping[str, str]) -> str:
    """Return the broker that variables set; `BROKER_URL` is that of Celery's `--broker`."""
    return environment.get("BROKER_URL") or environment.get("CELERY_BROKER_URL", "")


def _split(argv: Sequence[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    for place, word in enumerate(argv):
        if PurePath(word).name in _PROGRAMS:
            before = [_ASSIGNMENT.fullmatch(earlier) for earlier in argv[:place]]
            return {m[1]: m[2] for m in before if m}, tuple(argv[place:])
    for word in argv:
        if any(PurePath(part).name in _PROGRAMS for part in word.split()):
            raise UsageError(
                "the command line is one argument: leave out the quotes around it, as in "
                f"{shortened(' '.join(argv))}"
            )
    raise UsageError(f"not a celery command: {shortened(' '.join(argv))!r}; {_EXAMPLE}")


def _options_from(environment: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the options that the environment sets, as a default map of click."""
    worker = {
        name.removeprefix(ENV_PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(ENV_PREFIX)
    }
    return {"worker": worker}


def parsing_group() -> click.Group:
    """Build a `celery worker` command with Celery's options that only returns what it parsed."""
    # Imported here, because Celery's command line loads every installed plugin.
    from celery.bin.celery import celery as real_group  # noqa: PLC0415
    from celery.bin.worker import worker as real_worker  # noqa: PLC0415

    group = click.Group("celery", params=_parsing_params(real_group), add_help_option=False)
    group.add_command(
        click.Command(
            "worker",
            params=_parsing_params(real_worker),
            callback=click.pass_context(_report),
            context_settings={"allow_extra_args": True},
            add_help_option=False,
        )
    )
    return group


def _parsing_params(command: click.Command) -> list[click.Parameter]:
    """Copy the declarations without what needs a loaded app: callbacks and two types."""
    copies = []
    for param in command.params:
        copied = copy.copy(param)
        copied.callback = None
        copied.type = _plain(param.type)
        copies.append(copied)
    return copies


def _plain(kind: click.ParamType[Any]) -> click.ParamType[Any]:
    if kind.name == "pool" and isinstance(kind, click.Choice):
        return _PoolName(kind.choices)
    if kind.name == "beat":
        return click.BOOL
    return kind if type(kind).__module__.startswith("click.") else _Guarded(kind)


#: What Celery's own code raises when it fails to read a value.
_UNREADABLE: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


class _Guarded(click.ParamType[Any]):
    """A type of Celery's whose unexpected errors count as a rejected value.

    Celery's own `--autoscale a,b` ends in an AttributeError, for example.
    """

    def __init__(self, kind: click.ParamType[Any]) -> None:
        self._kind = kind
        self.name = kind.name

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        """Return what Celery's type shows for a value."""
        return self._kind.get_metavar(param, ctx)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert as Celery does; raise click.BadParameter if it cannot."""
        try:
            return self._kind.convert(value, param, ctx)
        except _UNREADABLE:
            self.fail(f"{value!r} is not valid.", param, ctx)


class _PoolName(click.Choice[str]):
    """One of Celery's pool names; the error for a wrong name suggests the closest."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name as typed; raise UsageError unless Celery knows it."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            return pool_named(str(value)).name


def _report(
    context: click.Context, /, **options: Any
) -> tuple[dict[str, Any], frozenset[str], list[str]]:
    return options, frozenset(typed_options(context)), context.args


def typed_options(context: click.Context) -> dict[str, Any]:
    """Return the options that were typed, rather than set by the environment or a default."""
    return {
        name: value
        for name, value in context.params.items()
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    }


def _settings(extra: Sequence[str]) -> Mapping[str, Any]:
    """Parse words such as `task.acks_late=1` with Celery's own parser."""
    from celery.loaders.base import BaseLoader  # noqa: PLC0415

    try:
        # The parser does not use the loader, so it needs no app.
        loader = BaseLoader(app=cast("Celery", None))
        settings: dict[str, Any] = loader.cmdline_config_parser(list(extra), namespace="worker")
    except (*_UNREADABLE, RecursionError):
        raise UsageError(
            f"not a valid setting: {shortened(' '.join(extra))!r}; settings look like "
            "task.acks_late=1"
        ) from None
    return settings


def _one_line(refused: click.ClickException, group: click.Group) -> str:
    from celery.bin.celery import celery as real_group  # noqa: PLC0415

    text = " ".join(refused.format_message().split())
    # Without any option, click's message is the whole help text.
    if isinstance(refused, NoArgsIsHelpError) or text.startswith("Missing command"):
        return f"celery needs a command: add the word worker; {_EXAMPLE}"
    for name in real_group.commands:
        if text.startswith(f"No such command '{name}'"):
            return f"preflight checks only celery worker, not celery {name}; {_EXAMPLE}"
    global_options = {spelling for param in group.params for spelling in param.opts}
    if isinstance(refused, click.NoSuchOption) and refused.option_name in global_options:
        text += f" {refused.option_name} goes before the word worker."
    return f"celery would reject this: {shortened(text)}"


def shortened(text: str) -> str:
    """Cut off what would not fit on a line or two of a terminal."""
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"
