"""`poolwise preflight`: what a worker's flags silently lose with the pool they name."""

from __future__ import annotations

import click
import msgspec

from worker import preflight as checks
from worker.command_line import options_from_argv


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def preflight(command: tuple[str, ...], as_json: bool) -> int:
    """Check the command line of a Celery worker before it is deployed.

    Reads the flags only: the project is not loaded, nothing is started. Exits with 1 where
    something is lost.

    \b
    Example:
      poolwise preflight -- celery -A proj worker -P threads --time-limit 5
    """
    findings = checks.check(options_from_argv(list(command)))
    lost = checks.warnings_of(findings)
    if as_json:
        click.echo(msgspec.json.encode(findings).decode())
    else:
        for line in checks.lines(findings):
            click.echo(line)
        if not lost:
            click.echo("Nothing is lost, as far as the command line tells.")
    return 1 if lost else 0
