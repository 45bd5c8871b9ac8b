"""`poolwise learn`: lists the lessons, or runs them one after another."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from cluster.machine import Machine
from cluster.program import program
from lab.commands import broker_options, lesson_options, shared_options
from lab.commands.console import for_progress, for_results
from lab.commands.streams import say
from lab.learn.engine import terminal
from lab.learn.engine.learn_options import LearnOptions
from lab.learn.engine.lesson import Lesson
from lab.learn.engine.run import Ask, run_lessons
from lab.learn.registry import LESSONS, lesson_named
from lab.results import files as result_files
from lab.results.lesson import LessonResult
from lab.results.output import write_whole
from lab.session.folders import run_folder
from tasks.errors import UsageError


class Lessons(click.Group):
    """A sub-command per lesson, whose options are the settings of that lesson."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """List the lessons in the recommended order."""
        return list(LESSONS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:  # noqa: ARG002
        """Build the command of a lesson."""
        return _command(lesson_named(cmd_name))


@click.group(cls=Lessons, invoke_without_command=True, subcommand_metavar="[LESSON] [OPTION]...")
@click.option("--all", "every", is_flag=True, help="Run all lessons, one after another.")
@lesson_options.every_lesson
@click.pass_context
def learn(ctx: click.Context, /, *, every: bool, **shared: Any) -> int:
    """Learn concurrency: predict, watch, read the verdict.

    Without LESSON, lists the lessons. Each has options of its own: see poolwise learn LESSON
    --help. A lesson starts its own workers and an embedded broker, or uses a running cluster. The
    exit code is 1 if the run did not confirm what the lesson claims.

    \b
    Example:
      poolwise learn
      poolwise learn gil
      poolwise learn gil --pause-ms 0 --no-predict
      poolwise learn --all --no-predict
    """
    if ctx.invoked_subcommand is not None:
        if every:
            raise UsageError("--all runs every lesson: leave out the lesson's name")
        return 0
    if every:
        return _teach(tuple(LESSONS.values()), {}, shared)
    _list()
    return 0


def _command(lesson: Lesson) -> click.Command:
    dials = {dial.name: dial for dial in lesson.dials}

    def taught(**chosen: Any) -> int:
        turned = {name: chosen.pop(name) for name in dials}
        return _teach((lesson,), turned, {**chosen, **lesson_options.given_before(chosen)})

    for dial in reversed(lesson.dials):
        taught = lesson_options.dial_option(dial)(taught)
    title = lesson.title if lesson.title.endswith("?") else f"{lesson.title}."
    text = f"{title}\n\n{lesson.setting}\n\n\b\nExample:\n  " + "\n  ".join(
        (f"poolwise learn {lesson.name}", *lesson.turn_next)
    )
    return click.command(lesson.name, help=text, short_help=title)(
        lesson_options.every_lesson(taught)
    )


def _list() -> None:
    grid = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for lesson in LESSONS.values():
        grid.add_row(lesson.name, lesson.title)
    for_results().print(grid)
    start = f"{program()} learn"
    say(f"\nRun one: {start} gil   ·   Run all: {start} --all")


def _teach(lessons: Sequence[Lesson], dials: Mapping[str, float], shared: Mapping[str, Any]) -> int:
    pools, on_running = _pools(shared["pools"]), shared["on_running"]
    broker = broker_options.chosen_broker(shared, on_running=on_running)
    wanted = LearnOptions(
        lessons=lessons,
        pools=pools,
        dials=dials,
        broker_url=broker.url,
        broker_advice=broker.advice,
        on_running=on_running,
        python=shared["python"],
        program=program(),
        command_line=lesson_options.repeating(lessons, dials, shared, broker),
    )
    as_json = shared["as_json"]
    console, progress = for_results(), for_progress()
    every: list[LessonResult] = []
    with (
        run_folder(shared["out"], "learn", datetime.now()) as folder,
        terminal.LessonTerminal(None if as_json else console, progress) as reporter,
    ):
        ask = _ask(progress, silent=as_json or shared["no_predict"])
        with closing(run_lessons(wanted, folder, Machine.this(), reporter, ask)) as taught:
            for result in taught:
                reporter.quiet()
                try:
                    page = _save(result, folder)
                finally:  # shown even if it could not be saved
                    _show(result, None if as_json else console)
                if page is not None and not as_json:
                    _show_end(result, page, console)
                every.append(result)
    if len(every) > 1 and not as_json:
        terminal.summary(every, console)
    for result in every:
        for line in terminal.failed(result.findings):
            say(f"not confirmed: {result.lesson}: {line}", progress=True)
    return 0 if all(result.holds for result in every) else 1


def _pools(text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    return tuple(pool.name for pool in shared_options.pools_named(text))


def _ask(console: Console, *, silent: bool) -> Ask:
    if silent or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return lambda _lesson: None
    return lambda lesson: terminal.ask(lesson, console)


def _save(result: LessonResult, folder: Path) -> Path | None:
    """Write the result and its page; return the page's path, None if the lesson was skipped."""
    result_files.write(result, folder / f"{result.lesson}.json")
    if result.findings.skipped:
        return None
    # Imported here, so that listing the lessons does not wait for plotly.
    from lab.report.lesson import render  # noqa: PLC0415

    page = folder / f"{result.lesson}.html"
    write_whole(page, render(result).encode())
    return page


def _show(result: LessonResult, console: Console | None) -> None:
    """Print the result, as JSON without a console."""
    if console is None:
        say(msgspec.json.encode(result).decode())
    else:
        terminal.close(result, console)


def _show_end(result: LessonResult, page: Path, console: Console) -> None:
    line = f"Page: {shlex.quote(str(page))}   ·   to repeat: {result.command}\n"
    console.print(line, highlight=False, soft_wrap=True, markup=False)
