"""The console script: from its first moment on, a signal that ends it ends it quietly."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn

from cluster.signals import ENDING


def run() -> NoReturn:
    """Be the `poolwise` command."""
    for number in ENDING:
        if signal.getsignal(number) != signal.SIG_IGN:  # as `nohup` has it, and a shell's `&`
            signal.signal(number, _leave)
    try:
        from lab.cli import cli  # noqa: PLC0415 - takes half a second, and Ctrl-C may come in it

        code = cli.main()
    except KeyboardInterrupt:  # while it was loaded, or a second one on the way out
        code = 128 + signal.SIGINT
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)  # all is done: only the exit code is still to be told
    sys.exit(code)


def _leave(number: int, _frame: object) -> NoReturn:
    """Unwind as if the program ended, so that every child is stopped on the way."""
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit(128 + number)
