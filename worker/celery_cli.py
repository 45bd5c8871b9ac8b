"""Reads a `celery worker` command line by Celery's own option declarations, and starts nothing.

The project that the line names is not imported: what its settings say is not known here.
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

from tasks.errors import UsageError
from worker.pools import pool_named

if TYPE_CHECKING:
    from celery import Celery

_ASSIGNMENT: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_EXAMPLE: Final = "for example: celery -A proj worker --pool threads"

#: What click puts before an option's name to find its twin in the environment, as Celery has it.
ENV_PREFIX: Final = "CELERY_WORKER_"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedLine:
    """A worker's command line, read."""

    words: tuple[str, ...]  # as the worker's sys.argv would be: `celery` and what follows
    options: Mapping[str, Any]  # by click's names; as typed, or from the environment
    typed: frozenset[str]  # names of those that were typed
    settings: Mapping[str, Any]  # trailing `task.acks_late=1` and the like
    broker_url: str  # empty: the project decides


def parse_line(argv: Sequence[str]) -> ParsedLine:
    """Read the line as Celery would; raise UsageError, with one line, where Celery would refuse.

    Words before `celery` are assignments to its environment, or a wrapper that starts it.
    """
    environment, words = _split(argv)
    group = parsing_group()
    try:
        with group.make_context("celery", list(words[1:]), default_map=_twins(environment)) as root:
            options, typed, extra = group.invoke(root)
            broker = root.params.get("broker") or environment.get("CELERY_BROKER_URL", "")
    except click.ClickException as refused:
        raise UsageError(_one_line(refused, group)) from None
    return ParsedLine(
        words=words,
        options=options,
        typed=typed,
        settings=_settings(extra),
        broker_url=broker,
    )


def _split(argv: Sequence[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    for place, word in enumerate(argv):
        if PurePath(word).name in {"celery", "celery.exe"}:
            before = [_ASSIGNMENT.fullmatch(earlier) for earlier in argv[:place]]
            return {m[1]: m[2] for m in before if m}, tuple(argv[place:])
    raise UsageError(f"no celery command in {' '.join(argv)!r}; {_EXAMPLE}")


def _twins(environment: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Name the options that the environment sets, as click would find them."""
    worker = {
        name.removeprefix(ENV_PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(ENV_PREFIX)
    }
    return {"worker": worker}


def parsing_group() -> click.Group:
    """Build a `celery worker` that has Celery's options and only reports what it was given."""
    # Imported here: Celery's command line loads every plugin that is installed beside it.
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
    """Copy the declarations without what needs a loaded app: callbacks, and two types."""
    twins = []
    for param in command.params:
        twin = copy.copy(param)
        twin.callback = None
        twin.type = _plain(param.type)
        twins.append(twin)
    return twins


def _plain(kind: click.ParamType[Any]) -> click.ParamType[Any]:
    if kind.name == "pool" and isinstance(kind, click.Choice):
        return _PoolName(kind.choices)
    return click.BOOL if kind.name == "beat" else kind


class _PoolName(click.Choice[str]):
    """One of Celery's pool names; a wrong one is answered with the nearest."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name as typed; raise UsageError unless Celery knows it."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            return pool_named(str(value)).name


def _report(
    context: click.Context, /, **options: Any
) -> tuple[dict[str, Any], frozenset[str], list[str]]:
    typed = (n for n in options if _source(context, n) is ParameterSource.COMMANDLINE)
    return options, frozenset(typed), context.args


def _source(context: click.Context, name: str) -> ParameterSource | None:
    return context.get_parameter_source(name)


def _settings(extra: Sequence[str]) -> Mapping[str, Any]:
    """Read `task.acks_late=1` by Celery's own reader of such words."""
    from celery.loaders.base import BaseLoader  # noqa: PLC0415

    try:
        # The reader looks at nothing of the loader's, so no app has to be there.
        loader = BaseLoader(app=cast("Celery", None))
        settings: dict[str, Any] = loader.cmdline_config_parser(list(extra), namespace="worker")
    except (KeyError, ValueError):
        raise UsageError(f"not a setting: {' '.join(extra)!r}; like task.acks_late=1") from None
    return settings


def _one_line(refused: click.ClickException, group: click.Group) -> str:
    text = " ".join(refused.format_message().split())
    global_options = {spelling for param in group.params for spelling in param.opts}
    if isinstance(refused, click.NoSuchOption) and refused.option_name in global_options:
        text += f" {refused.option_name} goes before the word worker."
    return f"celery would refuse this: {text}"
