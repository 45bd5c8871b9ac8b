"""The `poolwise` command, which loads sub-commands; errors become exit codes here only."""

from __future__ import annotations

import errno
from contextlib import suppress
from importlib import import_module
from typing import Any

import click
from click.exceptions import NoArgsIsHelpError

from cluster.shortage import explained
from lab.commands.help_text import HelpContext
from lab.commands.streams import say
from tasks.errors import BrokerError, PoolwiseError, ResultFileError, UsageError

#: The sub-commands: each is the function of the same name in a module of `lab.commands`.
COMMANDS = (
    "advise",
    "chaos",
    "dead",
    "flower",
    "learn",
    "observe",
    "preflight",
    "race",
    "report",
    "switch",
    "up",
    "workers",
)
#: Characters of the longest line of an error, and how many of a longer one are shown.
LONGEST_LINE, HEAD, TAIL = 2_000, 400, 200
#: Exit code after Ctrl-C, as shells expect it.
INTERRUPTED = 130


class Edge(click.Group):
    """Loads the requested command, and turns errors into one line on stderr."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the names of the sub-commands."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command:
        """Import one sub-command; importing all would double the start-up time."""
        if cmd_name not in COMMANDS:
            raise UsageError.unknown("command", cmd_name, COMMANDS)
        command: click.Command = getattr(import_module(f"lab.commands.{cmd_name}"), cmd_name)
        command.context_class = HelpContext
        return command

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command and return its documented exit code.

        Click's own errors keep click's exit code, 2; a traceback means a bug in Poolwise.
        """
        try:
            with explained():
                return super().main(*args, **{**kwargs, "standalone_mode": False}) or 0
        except PoolwiseError as error:
            return _fail(str(error), error.exit_code)
        except click.ClickException as error:
            return _usage(error)
        except (KeyboardInterrupt, click.Abort) as stop:
            # click replaces a KeyboardInterrupt, which may have a text, by an Abort.
            text = str(stop.__cause__ or "")
            return _fail(text or "interrupted; what Poolwise started has been stopped", INTERRUPTED)
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                return _fail(
                    "the disk is full: free some space and try again", ResultFileError.exit_code
                )
            from producer import broker  # noqa: PLC0415 - a command that succeeds starts sooner

            if not broker.is_broker_fault(error):
                raise
            return _fail(broker.failure(error), BrokerError.exit_code)


def _usage(error: click.ClickException) -> int:
    """Print an error of click in one line, or the help if that is its message."""
    if isinstance(error, NoArgsIsHelpError):
        error.show()
        return error.exit_code
    error.message = _escaped(error.message)  # type: ignore[misc]
    context = error.ctx if isinstance(error, click.UsageError) else None
    more = f" See {context.command_path} --help" if context else ""
    return _fail(f"{error.format_message()}{more}", error.exit_code)


def _fail(text: str, code: int) -> int:
    """Print an error, which may end with lines of a log; return `code`."""
    lines = "\n".join(_cut(_escaped(line)) for line in text.split("\n"))
    with suppress(OSError):  # if stderr is gone too, the exit code still reports it
        say(f"error: {lines}" if code != INTERRUPTED else lines, progress=True)
    return code


def _escaped(line: str) -> str:
    """Escape what would control a terminal or begin another line."""
    return "".join(
        letter if letter.isprintable() else ascii(letter)[1:-1] for letter in line.expandtabs()
    )


def _cut(line: str) -> str:
    """Shorten a line that repeats a long value, but keep the advice at its end."""
    return line if len(line) <= LONGEST_LINE else f"{line[:HEAD]} … {line[-TAIL:]}"


@click.group(cls=Edge, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="poolwise", message="poolwise %(version)s")
def cli() -> None:
    """Find out which Celery pool fits your tasks, at what concurrency, and at what cost.

    Races, advice, lessons and faults are measured with real workers on this machine.

    \b
    Exit codes: 0 success · 1 a finding or a failure · 2 usage error ·
    3 no usable broker · 4 a worker failed · 5 a file cannot be read or written ·
    6 the machine is too small · 129 terminal closed ·
    130 interrupted with Ctrl-C · 143 terminated by SIGTERM
    """
