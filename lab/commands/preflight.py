"""`poolwise preflight`: report worker flags that the chosen pool silently ignores."""

from __future__ import annotations

import click
import msgspec

from lab.commands.streams import say
from worker import preflight as checks
from worker.command_line import options_from_argv


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def preflight(command: tuple[str, ...], as_json: bool) -> int:
    """Check the command line of a Celery worker before you deploy it.

    Reports flags that the pool ignores and flags that can lose tasks. It reads only the command
    line, not your project's settings, and starts nothing. Exits with 1 if there are warnings.

    \b
    Example:
      poolwise preflight -- celery -A proj worker -P threads --time-limit 5
    """
    options = options_from_argv(list(command))
    findings = checks.check(options)
    warnings = checks.warnings_of(findings)
    if as_json:
        say(msgspec.json.encode(findings).decode())
    else:
        for line in checks.lines(findings):
            say(line)
        if not warnings and options.pool is not None:
            say("No warnings. Only the command line was checked, not your project's settings.")
    return 1 if warnings else 0
