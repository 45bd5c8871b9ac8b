"""A child process that leads its own process group and always stops."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from cluster.shortage import explained_start
from cluster.signals import deferred_signals

#: Seconds that a child gets to stop by itself after SIGTERM.
GRACE_S = 10.0
#: Lines of the log that are shown if a process fails.
TAIL_LINES = 12
#: What comes before these lines.
_LAST_LINES: Final = "the last lines of"


#: A child registers itself before it becomes the program, so that no child is ever unregistered,
#: however we end meanwhile. Its stdin is the registry until then. If the registry is gone, it
#: starts all the same.
REGISTER = """trap '' PIPE; echo "+$$" >&0; trap - PIPE; exec "$@" </dev/null"""


def without_log(error: Exception) -> str:
    """Return the text of an error about a process in one line, without the end of its log."""
    return str(error).splitlines()[0].partition(f"; {_LAST_LINES}")[0]


class ChildRegistry(Protocol):
    """Knows every child, so that none outlives us; see `cluster.reaper`."""

    #: The children's folder for temporary files, because a killed child leaves them behind.
    scratch: Path

    def fileno(self) -> int:
        """Return where a child writes `+PID` to register its process group."""

    def remove(self, pid: int) -> None:
        """Forget the process group `pid`, which has ended."""


class Child:
    """A program that logs to a file and leads its own process group.

    So Ctrl-C at the terminal reaches only us and we decide in which order to stop the children.
    Stopping a child also stops the processes that it started.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        registry: ChildRegistry,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        """Start `command` with `env` added to our environment, in the folder `cwd` or in ours.

        Raises MachineError if no process can be started. If the program does not exist, the child
        ends at once, and its log says so.
        """
        self.name = name
        self.command = tuple(command)
        self.log = log
        self._registry = registry
        self._asked = False
        self._killed = False
        # A Ctrl-C right after the start would lose the process before we can wait for it.
        with log.open("ab") as sink, deferred_signals(), explained_start():
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", REGISTER, "sh", *self.command],
                stdin=registry.fileno(),
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**os.environ, "TMPDIR": str(registry.scratch), **(env or {})},
                cwd=cwd,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The id of the process and of its group."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; a negative number is the signal that ended it."""
        return self._process.poll()

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.exit_code is None

    def ask_to_stop(self) -> None:
        """Send SIGTERM and return at once; only once, because a second one cuts cleanup short."""
        if self.alive and not self._asked:
            self._asked = True
            self._process.terminate()

    def stop(self, grace_s: float = GRACE_S) -> None:
        """Stop its whole group: SIGTERM, then SIGKILL after `grace_s` seconds."""
        self.ask_to_stop()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(grace_s)
        self.kill()

    def kill(self) -> None:
        """Kill its whole group at once; only once, because its id may be another process's then."""
        if self._killed:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        # Removed before its id is free for another process.
        self._registry.remove(self.pid)
        self._process.wait()
        self._killed = True

    def how_it_ended(self) -> str:
        """Describe in a few words how it ended, such as "killed by SIGKILL"."""
        code = self.exit_code
        if code is None:
            return "still running"
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def failure(self, what: str = "died") -> str:
        """Say that it died, or `what` else, with the last lines of its log."""
        return f"the {self.name} {what} ({self.how_it_ended()}); {self._last_lines()}"

    def failed_start(self, after_s: float) -> str:
        """Say that it ended instead of starting, or was not ready in time, with its log's tail."""
        if not self.alive:
            return self.failure("did not start")
        late = f"the {self.name} was not ready after {after_s:.0f} s, so it was stopped"
        busy = "" if self.log_tail() else ": this machine may be too busy to start it"
        return f"{late}; {self._last_lines()}{busy}"

    def _last_lines(self) -> str:
        tail = self.log_tail()
        return f"{_LAST_LINES} {self.log}:\n{tail}" if tail else f"its log {self.log} is empty"

    def ends_within(self, seconds: float) -> bool:
        """Return whether it ends in the next `seconds`."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return not self.alive

    def log_tail(self) -> str:
        """Return the last lines of its log, indented."""
        return tail(self.log)


def tail(log: Path) -> str:
    """Return the last lines of `log`, indented; empty if it cannot be read."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(f"    {line}" for line in lines[-TAIL_LINES:])
