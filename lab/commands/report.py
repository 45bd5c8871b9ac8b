"""`poolwise report`: result files as one HTML page."""

from __future__ import annotations

from pathlib import Path

import click

from lab import results
from lab.report import render


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
    """Show results as one HTML page; several files: a comparison.

    The page needs no network and no other file.

    \b
    Example:
      poolwise report runs/2026-11-23-1412-race/result.json
      poolwise report laptop.json server.json -o comparison.html
    """
    page = render([results.read(path) for path in files])
    results.write_whole(output, page.encode())
    click.echo(str(output))
    return 0
