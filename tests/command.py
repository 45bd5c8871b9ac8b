"""The `poolwise` command as a person runs it, and what it may leave behind: nothing.

It must not know what any test asks of it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from uuid import uuid4

import psutil

from cluster.wait import wait_until

#: Seconds after which a command that should have ended is called stuck.
BOUND_S = 60.0
#: The variable that every process of one command's family has inherited.
MARK = "POOLWISE_TEST_FAMILY"
POOLWISE = str(Path(sys.executable).with_name("poolwise"))


def poolwise(
    *arguments: str,
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
    timeout_s: float = BOUND_S,
    stdout: IO[str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; what it prints is returned, or goes to `stdout` where given."""
    return subprocess.run(
        [POOLWISE, *arguments],
        cwd=cwd,
        env=_environment(env),
        stdout=stdout or subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=timeout_s,
        check=False,
        stdin=subprocess.DEVNULL,
    )


class RunningCommand:
    """A command under way."""

    def __init__(self, process: subprocess.Popen[str], folder: Path, mark: str) -> None:
        self.process = process
        self._folder = folder
        self._mark = mark

    def descendants(self) -> list[psutil.Process]:
        """Return the running processes that it started, and those that they started.

        They are known by what they inherit, so none is missed whose parent has ended.
        """
        return [
            one for one in psutil.process_iter() if one.pid != self.process.pid and self._is(one)
        ]

    def _is(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get(MARK) == self._mark
        except psutil.Error:  # it has ended, or is not ours to look at
            return False

    def output(self) -> str:
        """Return what it has printed so far, on both channels."""
        return (self._folder / "out").read_text() + (self._folder / "err").read_text()

    def until(self, condition: Callable[[], object], timeout_s: float = BOUND_S) -> None:
        """Wait for a condition."""
        wait_until(
            lambda: bool(condition()),
            timeout_s,
            lambda: AssertionError(f"not so in time:\n{self.output()}"),
        )

    def wait_for_descendants(self) -> None:
        """Wait until nothing of what it started runs any more."""
        wait_until(
            lambda: not self.descendants(),
            10,
            lambda: AssertionError(f"still there: {self.descendants()}"),
        )

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, to it alone."""
        self.process.send_signal(number)

    def ended(self, timeout_s: float = BOUND_S) -> int:
        """Wait for its end and return the exit code."""
        return self.process.wait(timeout_s)


@contextmanager
def running(
    *arguments: str, folder: Path, env: dict[str, str] | None = None
) -> Iterator[RunningCommand]:
    """Start a command; whatever is left of it and its family is ended on the way out."""
    mark = uuid4().hex
    with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
        process = subprocess.Popen(
            [POOLWISE, *arguments],
            cwd=folder,
            env={**_environment(env), MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            text=True,
            start_new_session=True,
        )
    command = RunningCommand(process, folder, mark)
    try:
        yield command
    finally:
        family = command.descendants()
        process.kill()
        process.wait()
        for survivor in family:
            with suppress(psutil.NoSuchProcess):
                survivor.kill()


def _environment(changes: dict[str, str] | None) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
    # Should Python itself ever crash, its last words say where.
    return {**ours, "PYTHONFAULTHANDLER": "1", **(changes or {})}


#: What a terminal or a developer's shell may have set, and a test decides for itself.
_NOT_INHERITED = frozenset(
    {
        "COLUMNS",
        "NO_COLOR",
        "FORCE_COLOR",
        "CELERY_BROKER_URL",
        "CELERY_RESULT_BACKEND",
        "POOLWISE_BROKER",
    }
)
