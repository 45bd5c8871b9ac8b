"""The console script: from its first moment on, a signal that ends it ends it quietly."""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn

from cluster.signals import ENDING

#: The signals that have come, but for a SIGINT that was heard: what follows is for the command.
_left: list[int] = []
#: Seconds after which an exit that Python swallowed is tried again.
AGAIN_S = 0.01


def run() -> NoReturn:
    """Be the `poolwise` command."""
    for number in ENDING:
        if signal.getsignal(number) != signal.SIG_IGN:  # as `nohup` has it, and a shell's `&`
            signal.signal(number, _leave)
    sys.unraisablehook = _not_raised
    try:
        from lab.commands.cli import cli  # noqa: PLC0415 - takes half a second, and Ctrl-C may come in it

        code = cli.main()
        if _left:  # it was to be ended, though the command was quicker
            code = 128 + _left[0]
    except KeyboardInterrupt:  # while it was loaded, or a second one on the way out
        code = 128 + signal.SIGINT
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 1
    _exit(code)


def _exit(code: int) -> NoReturn:
    """Tell the exit code, now that all is done.

    Taking the interpreter apart would take a tenth of a second, in which a signal can only do harm.
    """
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:  # as it is for who was started without
                stream.flush()
        except (OSError, ValueError):  # the reader has gone, the disk is full, or it was closed
            code = code or 1
    os._exit(code)


def _leave(number: int, _frame: object) -> NoReturn:
    """Unwind as if the program ended, so that every child is stopped on the way."""
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    _left.append(number)
    sys.exit(128 + number)


def _not_raised(event: sys.UnraisableHookArgs) -> None:
    """Have an exit raised again that Python swallowed, as it does while it tidies up an object."""
    match event.exc_value:
        case KeyboardInterrupt():
            _left.append(signal.SIGINT)
            _raise_soon(signal.SIGINT)
        case SystemExit() if _left:
            _raise_soon(_left[-1])
        case _:
            sys.__unraisablehook__(event)


def _raise_soon(number: int) -> None:
    # Raised at once, it would come while this still runs, and be swallowed too.
    signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(number))
    signal.setitimer(signal.ITIMER_REAL, AGAIN_S)
