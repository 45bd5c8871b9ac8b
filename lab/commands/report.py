"""`poolwise report`: result files as one HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from lab.report import render
from lab.results import files as result_files
from lab.results.lesson import LessonResult
from lab.results.race import RaceResult
from tasks.errors import UsageError


@click.command()
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    default=Path("report.html"),
    show_default=True,
    help="The page to write.",
)
def report(files: tuple[Path, ...], output: Path) -> int:
    """Show results as one HTML page; several races: a comparison.

    The page needs no network and no other file.

    \b
    Example:
      poolwise report runs/2026-11-23-1412-race/result.json
      poolwise report laptop.json server.json -o comparison.html
    """
    found = [result_files.read_any(path) for path in files]
    result_files.write_whole(output, _page(found).encode())
    click.echo(str(output))
    return 0


def _page(found: Sequence[object]) -> str:
    """Render races, or one lesson.

    Raises UsageError for a lesson beside anything else.
    """
    lessons = [result for result in found if isinstance(result, LessonResult)]
    if not lessons:
        return render([result for result in found if isinstance(result, RaceResult)])
    if len(found) > 1:
        raise UsageError("a lesson is shown alone: give its file only, or races only")
    # Here, so that the command's help does not wait for plotly.
    from lab.report import lesson  # noqa: PLC0415

    return lesson.render(lessons[0])
