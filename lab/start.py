"""The console script: from its first moment on, a signal that ends it ends it quietly, and once."""

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
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    sys.exit(cli.main())


def _leave(number: int, _frame: object) -> NoReturn:
    """Unwind, so that every child is stopped on the way; a second signal would cut that short."""
    for ending in ENDING:
        signal.signal(ending, signal.SIG_IGN)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit(128 + number)
