"""Signals a command at a random moment and reports how it ends and what it leaves running."""

from __future__ import annotations

import random
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.command import RunningCommand, running

RACE: Final = ("race", "--quick", "--pools", "prefork,threads", "--workloads", "burn,fetch")
LEARN: Final = ("learn", "gil", "--no-predict")
UP: Final = ("up", "--pools", "prefork,threads", "--port", "0", "--flower-port", "0")
#: Seconds that each command needs for what it does, on an idle machine.
SPANS_S: Final[Mapping[tuple[str, ...], float]] = {RACE: 5.0, LEARN: 5.0, UP: 4.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A command, and the signal that it gets some time after it handles signals."""

    command: tuple[str, ...]
    number: signal.Signals
    moment_s: float

    @property
    def name(self) -> str:
        """The trial for people."""
        return f"{self.number.name} after {self.moment_s:.2f} s of {' '.join(self.command[:2])}"


def kills(seed: int, count: int) -> Iterator[Trial]:
    """Yield trials that kill each command in turn, more often early, while it starts processes."""
    moments = random.Random(seed)  # noqa: S311 - no secret
    for number in range(count):
        command = list(SPANS_S)[number % len(SPANS_S)]
        moment_s = SPANS_S[command] * moments.random() ** 2
        yield Trial(command=command, number=signal.SIGKILL, moment_s=moment_s)


def ended(trial: Trial, folder: Path, more: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """Run the trial and return how the command ended; `more` are further arguments.

    Raises AssertionError if a process that it started is left.
    """
    folder.mkdir()
    with running(*trial.command, *more, folder=folder) as command:
        command.until(lambda: _handles_signals(command))
        with suppress(subprocess.TimeoutExpired):
            command.process.wait(trial.moment_s)
        command.signal(trial.number)
        done = command.done()
        command.wait_for_descendants()
    return done


def _handles_signals(command: RunningCommand) -> bool:
    """Return whether it has a handler of its own for SIGTERM, or has ended."""
    try:
        status = Path(f"/proc/{command.process.pid}/status").read_text(encoding="ascii")
    except OSError:
        return True
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1) or command.process.poll() is not None
