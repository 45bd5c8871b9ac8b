"""Runs a command inside the test's own process, for trials in which no process is the point."""

from __future__ import annotations

import subprocess

import click
from click.testing import CliRunner

from lab.commands.cli import cli


def run(
    *arguments: str, env: dict[str, str | None] | None = None, command: click.Command = cli
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; an exception that it lets through is raised here too."""
    done = CliRunner().invoke(command, arguments, env=env, catch_exceptions=False)
    code = done.exit_code or done.return_value
    return subprocess.CompletedProcess(list(arguments), code, done.stdout, done.stderr)
