"""The console script, which ends quietly on a signal from its first moment on.

It imports next to nothing before it handles signals: until then, Python answers Ctrl-C with a
traceback.
"""

from __future__ import annotations

import os
import signal
import sys

from cluster.signals import ENDING

#: The signals received, except a SIGINT that reached the command as KeyboardInterrupt.
_received: list[int] = []
#: Seconds after which an exit that Python swallowed is raised again.
AGAIN_S = 0.01


def run() -> None:
    """Run the `poolwise` command."""
    for number in ENDING:
        if signal.getsignal(number) != signal.SIG_IGN:  # as `nohup` and a shell's `&` set it
            signal.signal(number, _leave)
    sys.unraisablehook = _not_raised
    try:
        # Imported here because it is slow, and Ctrl-C may arrive during it.
        from lab.commands import streams  # noqa: PLC0415

        streams.prepare()
        from lab.commands.cli import cli  # noqa: PLC0415

        code = cli.main()
        if _received:  # a signal arrived, but the command finished first
            code = 128 + _received[0]
    except KeyboardInterrupt:  # during the import, or a second one while leaving
        code = 128 + signal.SIGINT
        if "lab.commands.cli" not in sys.modules:
            _say("interrupted; what Poolwise started has been stopped")
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 1
    _exit(code)


def _exit(code: int) -> None:
    """Exit at once with `code`.

    Shutting the interpreter down takes a tenth of a second, in which a signal can only do harm.
    """
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
    from lab.commands import streams  # noqa: PLC0415

    if (problem := streams.problem()) and code in {0, 1}:
        sys.stderr.write(f"error: {problem}\n")
        code = streams.NOT_PRINTED
    os._exit(code)


def _say(line: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"{line}\n")


def _leave(number: int, _frame: object) -> None:
    """Unwind the stack, so that every child process is stopped on the way."""
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    _received.append(number)
    sys.exit(128 + number)


def _not_raised(event: sys.UnraisableHookArgs) -> None:
    """Raise an exit again that Python swallowed, as it does in `__del__`.

    Says nothing of a broker that is gone, because the command does: Celery unsubscribes from a
    task's result in `__del__`.
    """
    match event.exc_value:
        case KeyboardInterrupt():
            _received.append(signal.SIGINT)
            _raise_soon(signal.SIGINT)
        case SystemExit() if _received:
            _raise_soon(_received[-1])
        case Exception() as error if _is_broker_fault(error):
            pass
        case _:
            sys.__unraisablehook__(event)


def _is_broker_fault(error: Exception) -> bool:
    from producer import broker  # noqa: PLC0415

    return broker.is_broker_fault(error)


def _raise_soon(number: int) -> None:
    # Raised at once, it would arrive while this hook still runs, and be swallowed too.
    signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(number))
    signal.setitimer(signal.ITIMER_REAL, AGAIN_S)
