"""Stops our children once this process has ended, even if it was killed.

The reaper is a separate process that reads from a pipe which of our process groups are alive. Each
child writes to the pipe itself, before it becomes the program that was to be started, so there is
no moment in which a child runs and is unknown. When the pipe closes, because we closed it or died,
the reaper stops the remaining groups. It also removes the temporary files that killed processes
left behind, and the control groups that they were in. The kernel closes the pipe in every case; no
handler in a killed process could do that.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO

from cluster.shortage import explained_start
from cluster.signals import deferred_signals

#: Seconds between SIGTERM and SIGKILL for the remaining process groups.
GRACE_S = 3.0
#: Seconds that killed processes may take to end on a busy machine; then their group can go.
GONE_S = 8.0


class Reaper:
    """Starts the reaper and holds our end of its pipe."""

    def __init__(self) -> None:
        """Raises MachineError if no process, OSError if no temporary folder can be created."""
        with deferred_signals():  # otherwise a signal could leave the folder without an owner
            #: The children's folder for temporary files.
            self.scratch = Path(tempfile.mkdtemp(prefix="poolwise-"))
            try:
                with explained_start():
                    self._process = subprocess.Popen(
                        # Without -P, modules in the user's folder would hide ours.
                        [sys.executable, "-P", "-m", "cluster.reaper", str(self.scratch)],
                        stdin=subprocess.PIPE,
                        start_new_session=True,
                    )
            except BaseException:
                self.scratch.rmdir()
                raise

    def fileno(self) -> int:
        """Return our end of the pipe, where a child writes `+PID` to register itself."""
        return self._pipe.fileno()

    def remove(self, pid: int) -> None:
        """Forget the process group `pid`, which has been killed."""
        if not self._pipe.closed:
            with suppress(BrokenPipeError):
                os.write(self.fileno(), f"-{pid}\n".encode())

    def remove_at_end(self, control_group: Path) -> None:
        """Remove a control group, which need not exist yet, once the children have ended."""
        os.write(self.fileno(), f"/{control_group}\n".encode())

    def close(self) -> None:
        """Stop the remaining children, remove the temporary files and end the reaper."""
        self._pipe.close()
        self._process.wait(timeout=4 * GRACE_S)

    @property
    def _pipe(self) -> IO[bytes]:
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        return self._process.stdin


def living(groups: Iterable[int]) -> set[int]:
    """Return the process groups that still have a process."""
    alive = set()
    for group in groups:
        with suppress(ProcessLookupError):
            os.killpg(group, 0)
            alive.add(group)
    return alive


def remove_control_group(folder: Path) -> None:
    """Remove a control group whose processes have been killed; the kernel may need a moment."""
    deadline = time.monotonic() + GONE_S
    while folder.exists() and time.monotonic() < deadline:
        with suppress(OSError):
            folder.rmdir()
            return
        time.sleep(0.05)


def _signal(groups: Iterable[int], number: signal.Signals) -> None:
    for group in groups:
        with suppress(ProcessLookupError):
            os.killpg(group, number)


def main() -> None:
    """Track process groups until standard input ends, then stop those that are left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    control_groups: list[Path] = []
    for line in sys.stdin:
        change, what = line[0], line[1:].rstrip("\n")
        if change == "/":
            control_groups.append(Path(what))
        else:
            (groups.add if change == "+" else groups.discard)(int(what))
    _signal(groups, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_S
    while (groups := living(groups)) and time.monotonic() < deadline:
        time.sleep(0.05)
    _signal(groups, signal.SIGKILL)
    for one in control_groups:
        remove_control_group(one)
    shutil.rmtree(sys.argv[1], ignore_errors=True)


if __name__ == "__main__":
    main()
