"""The `poolwise` command: its sub-commands, and the one place where errors become exit codes."""

from __future__ import annotations

import errno
from contextlib import suppress
from importlib import import_module
from typing import Any

import click
import redis
from kombu.exceptions import OperationalError

from tasks.errors import BrokerError, PoolwiseError, ResultFileError, UsageError

#: The sub-commands: each a module of `lab.commands`, and the command of the same name in it.
COMMANDS = ("learn", "preflight", "race", "report", "switch", "up", "workers")
#: Exit code after Ctrl-C, as shells have it.
INTERRUPTED = 130


class Edge(click.Group):
    """Loads the command that is asked for, and turns what goes wrong into one line on stderr."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the names of the sub-commands."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command:
        """Import one sub-command; all of them together would take half of its start."""
        if cmd_name not in COMMANDS:
            raise UsageError.unknown("command", cmd_name, COMMANDS)
        command: click.Command = getattr(import_module(f"lab.commands.{cmd_name}"), cmd_name)
        return command

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command, and return its documented exit code.

        Click's own errors keep click's exit code, 2; a traceback means a bug of ours.
        """
        try:
            return super().main(*args, **{**kwargs, "standalone_mode": False}) or 0
        except PoolwiseError as error:
            return _fail(str(error), error.exit_code)
        except (redis.ConnectionError, redis.TimeoutError, OperationalError) as error:
            gone = str(error).partition("\n")[0]
            return _fail(f"the broker went away in the middle: {gone}", BrokerError.exit_code)
        except click.ClickException as error:
            error.show()
            return error.exit_code
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            return _fail(
                "the disk is full: free some space, and try again", ResultFileError.exit_code
            )
        except (KeyboardInterrupt, click.Abort):
            return _fail("interrupted; nothing is left running", INTERRUPTED)


def _fail(line: str, code: int) -> int:
    with suppress(OSError):  # where even that cannot be said, the code says it
        click.echo(f"error: {line}" if code != INTERRUPTED else line, err=True)
    return code


@click.group(cls=Edge, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="poolwise", message="poolwise %(version)s")
def cli() -> None:
    """Which Celery pool, how many, at what cost: measured on this machine.

    \b
    Exit codes: 0 done · 1 a finding or a failure · 2 wrong use · 3 no usable broker
    4 a worker failed · 5 a file cannot be read or written · 6 the machine is too small
    130 interrupted with Ctrl-C · 143 ended by SIGTERM
    """
