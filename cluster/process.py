"""One child process: in a group of its own, logging to a file, and stopped for sure."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from cluster.signals import deferred_signals

#: Seconds that a child gets to stop by itself after SIGTERM.
GRACE_S = 10.0
#: Lines of a log that are shown when its process failed.
TAIL_LINES = 12


class ChildRegistry(Protocol):
    """Told of every child, so that none outlives us; see `cluster.reaper`."""

    #: Where children keep their temporary files, for one that is killed leaves them behind.
    scratch: Path

    def add(self, pid: int) -> None:
        """Take charge of the process group `pid`."""

    def remove(self, pid: int) -> None:
        """Forget the process group `pid`, which has ended."""


class Child:
    """A started program.

    It leads a process group, so that Ctrl-C at the terminal reaches us alone and we decide the
    order of stopping, and so that what it started itself can be ended with it.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        registry: ChildRegistry,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Start `command` with `env` added to our environment.

        Raises OSError where the program is not there or no process can be had.
        """
        self.name = name
        self.command = tuple(command)
        self.log = log
        self._registry = registry
        self._asked = False
        # An unregistered child would outlive a Ctrl-C that comes right after its start.
        with log.open("ab") as sink, deferred_signals():
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**os.environ, "TMPDIR": str(registry.scratch), **(env or {})},
                start_new_session=True,
            )
            registry.add(self.pid)

    @property
    def pid(self) -> int:
        """The process id, which is that of its group too."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._process.poll()

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.exit_code is None

    def ask_to_stop(self) -> None:
        """Send SIGTERM and return at once; once only, for many programs hurry at a second."""
        if self.alive and not self._asked:
            self._asked = True
            self._process.terminate()

    def stop(self, grace_s: float = GRACE_S) -> None:
        """End it and all of its group: SIGTERM, then SIGKILL after `grace_s` seconds."""
        self.ask_to_stop()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(grace_s)
        self.kill()

    def kill(self) -> None:
        """End it and all of its group at once."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self._registry.remove(self.pid)

    def how_it_ended(self) -> str:
        """Say in a few words how it ended, such as "killed by SIGKILL"."""
        code = self.exit_code
        if code is None:
            return "still running"
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def log_tail(self) -> str:
        """Return the last lines of its log, indented."""
        return tail(self.log)


def tail(log: Path) -> str:
    """Return the last lines of `log`, indented; empty where there is nothing to read."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(f"    {line}" for line in lines[-TAIL_LINES:])
