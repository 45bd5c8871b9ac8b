"""Ends our children when we are gone, however we went: even SIGKILL leaves nothing behind.

A process of its own that reads from a pipe which of our process groups live. When the pipe ends,
because we closed it or died, it ends what is still there, and removes the temporary files that
processes ended by SIGKILL could not. The kernel closes the pipe in every case, which no handler in
a killed process could promise.
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

from cluster.signals import deferred_signals

#: Seconds between asking the orphans to stop and ending them.
GRACE_S = 3.0


class Reaper:
    """Our end of the pipe."""

    def __init__(self) -> None:
        """Start it. Raises OSError where no process or no temporary folder can be had."""
        with deferred_signals():  # so that the folder has an owner before a signal ends us
            #: Where children keep their temporary files.
            self.scratch = Path(tempfile.mkdtemp(prefix="poolwise-"))
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "cluster.reaper", str(self.scratch)],
                    stdin=subprocess.PIPE,
                    start_new_session=True,
                )
            except OSError:
                self.scratch.rmdir()
                raise

    def add(self, pid: int) -> None:
        """Take charge of the process group `pid`."""
        self._tell(f"+{pid}\n")

    def remove(self, pid: int) -> None:
        """Forget the process group `pid`, which has ended."""
        self._tell(f"-{pid}\n")

    def close(self) -> None:
        """End what is left and remove its temporary files, then end the reaper itself."""
        pipe = self._process.stdin
        if pipe is not None:
            with suppress(BrokenPipeError):
                pipe.close()
        self._process.wait(timeout=4 * GRACE_S)

    def _tell(self, line: str) -> None:
        pipe = self._process.stdin
        if pipe is not None and not pipe.closed:
            with suppress(BrokenPipeError):
                pipe.write(line.encode())
                pipe.flush()


def living(groups: Iterable[int]) -> set[int]:
    """Return those process groups that still have a member."""
    alive = set()
    for group in groups:
        with suppress(ProcessLookupError):
            os.killpg(group, 0)
            alive.add(group)
    return alive


def _signal(groups: Iterable[int], number: signal.Signals) -> None:
    for group in groups:
        with suppress(ProcessLookupError):
            os.killpg(group, number)


def main() -> None:
    """Keep the list until standard input ends, then end who is on it and tidy up after them."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        change, pid = line[0], int(line[1:])
        (groups.add if change == "+" else groups.discard)(pid)
    _signal(groups, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_S
    while (groups := living(groups)) and time.monotonic() < deadline:
        time.sleep(0.05)
    _signal(groups, signal.SIGKILL)
    shutil.rmtree(sys.argv[1], ignore_errors=True)


if __name__ == "__main__":
    main()
