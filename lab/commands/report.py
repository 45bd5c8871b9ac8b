"""`poolwise report`: result files as one HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from lab.commands.option_types import AnyPath
from lab.commands.streams import say
from lab.report import render
from lab.results import files as result_files
from lab.results.advice import AdviceResult
from lab.results.chaos import ChaosResult
from lab.results.lesson import LessonResult
from lab.results.output import write_whole
from lab.results.race import RaceResult
from tasks.errors import UsageError


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=AnyPath())
@click.option(
    "--output",
    "-o",
    type=AnyPath(),
    default=Path("report.html"),
    show_default=True,
    help="Where to write the page.",
)
def report(files: tuple[Path, ...], output: Path) -> int:
    """Render results as one HTML page.

    Takes the result file of a race, of advice, of faults (chaos) or of a lesson; or those of
    several races, which are compared on the same page. The page is self-contained: it loads nothing
    from the network or from other files.

    \b
    Example:
      poolwise report runs/2026-11-23-1412-race/result.json
      poolwise report laptop.json server.json -o comparison.html
    """
    found = [result_files.read_any(path) for path in files]
    write_whole(output, _page(found).encode(), inputs=files)
    say(str(output))
    return 0


def _page(found: Sequence[object]) -> str:
    """Render races, or one result of another kind.

    Raises UsageError for one of another kind together with other results.
    """
    races = [result for result in found if isinstance(result, RaceResult)]
    if len(races) == len(found):
        return render(races)
    if len(found) > 1:
        raise UsageError(
            "only race results can share a page: pass race results only, or a single result of "
            "another kind"
        )
    # Imported here because plotly loads slowly, and `--help` does not need it.
    from lab.report import advice, chaos, lesson  # noqa: PLC0415

    [result] = found
    if isinstance(result, LessonResult):
        return lesson.render(result)
    if isinstance(result, ChaosResult):
        return chaos.render(result)
    assert isinstance(result, AdviceResult), "there is no other kind"  # noqa: S101
    return advice.render(result)
