"""The options of `poolwise learn`: those of every lesson, with one for each dial."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import click
from click.core import ParameterSource

from lab.commands import shared_options
from lab.commands.broker_options import Broker, any_broker
from lab.commands.option_types import AnyPath, FiniteRange, WholeRange
from lab.learn.engine.lesson import Dial, Lesson


def every_lesson(command: Any) -> Any:
    """Add the options that every lesson has."""
    for option in reversed(
        (
            click.option("--no-predict", is_flag=True, help="Do not ask for a prediction."),
            click.option(
                "--pools",
                metavar="LIST",
                envvar="POOLWISE_POOLS",
                show_envvar=True,
                help="Pools to show, separated by commas. [default: all that the lesson uses]",
            ),
            click.option(
                "--on-running/--on-new",
                envvar="POOLWISE_ON_RUNNING",
                show_envvar=True,
                help=(
                    "Use the workers already connected to the broker, or start new ones. [default: "
                    "on-new]"
                ),
            ),
            click.option(
                "--python",
                metavar="PATH",
                type=AnyPath(),
                envvar="POOLWISE_PYTHON",
                show_envvar=True,
                help="A Python build without the GIL, for the free-threading lesson.",
            ),
            any_broker,
            shared_options.out,
            shared_options.json_output,
        )
    ):
        command = option(command)
    return command


def given_before(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options given before the lesson's name and not repeated after it.

    They apply to the lesson, and override the environment.
    """
    here = click.get_current_context()
    before = here.parent
    if before is None:
        return {}
    return {
        name: before.params[name] for name in chosen if _typed(before, name) > _typed(here, name)
    }


def _typed(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is ParameterSource.COMMANDLINE


def dial_option(dial: Dial) -> Any:
    range_of = WholeRange if dial.whole else FiniteRange
    return click.option(
        dial.flag,
        type=range_of(dial.low, dial.high),  # type: ignore[arg-type]
        default=dial.default,
        show_default=True,
        help=dial.help,
    )


def repeating(
    lessons: Sequence[Lesson],
    dials: Mapping[str, float],
    shared: Mapping[str, Any],
    broker: Broker,
) -> str:
    """Return the options that repeat the lesson; never a password."""
    turned = [
        f"{dial.flag} {dials[dial.name]:g}"
        for lesson in lessons
        for dial in lesson.dials
        if dials.get(dial.name, dial.default) != dial.default
    ]
    parts = (
        *turned,
        f"--pools {shlex.quote(shared['pools'])}" if shared["pools"] else "",
        "--no-predict" if shared["no_predict"] else "",
        broker.flags,
        "--on-running" if shared["on_running"] else "",
        f"--python {shlex.quote(str(shared['python']))}" if shared["python"] else "",
        f"--out {shlex.quote(str(shared['out']))}" if shared_options.was_typed("out") else "",
    )
    return "".join(f" {part}" for part in parts if part)
