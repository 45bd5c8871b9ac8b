"""Runs the `poolwise` command as a user does."""

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

#: Seconds after which a command counts as stuck.
BOUND_S = 60.0
#: An environment variable that all processes started by one command inherit.
MARK = "POOLWISE_TEST_COMMAND"
POOLWISE = str(Path(sys.executable).with_name("poolwise"))


def poolwise(
    *arguments: str,
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
    timeout_s: float = BOUND_S,
    stdout: IO[str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; its stdout is captured, or goes to `stdout` if that is given."""
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
    """A command that is running."""

    def __init__(self, process: subprocess.Popen[str], folder: Path, mark: str) -> None:
        self.process = process
        self._folder = folder
        self._mark = mark

    def descendants(self) -> list[psutil.Process]:
        """Return the running processes that it started, directly or indirectly.

        They are found by an inherited variable, so those whose parent has ended are included. The
        broker overwrites its environment with its title, and is found by its working directory.
        """
        return [
            one for one in psutil.process_iter() if one.pid != self.process.pid and self._is(one)
        ]

    def _is(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get(MARK) == self._mark or Path(process.cwd()).is_relative_to(
                self._folder / "runs"
            )
        except psutil.Error:  # it has ended, or belongs to another user
            return False

    def output(self) -> str:
        """Return what it has printed so far, to stdout and stderr."""
        return (self._folder / "out").read_text() + (self._folder / "err").read_text()

    def until(self, condition: Callable[[], object], timeout_s: float = BOUND_S) -> None:
        """Wait until a condition is true."""
        wait_until(
            lambda: bool(condition()),
            timeout_s,
            lambda: AssertionError(f"not within {timeout_s:g} s:\n{self.output()}"),
        )

    def wait_for_descendants(self) -> None:
        """Wait until none of the processes that it started runs."""
        wait_until(
            lambda: not self.descendants(),
            10,
            lambda: AssertionError(f"still there: {self.descendants()}"),
        )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the command only."""
        self.process.send_signal(number)

    def done(self, timeout_s: float = BOUND_S) -> subprocess.CompletedProcess[str]:
        """Wait until it ends; return its exit code with everything that it printed."""
        code = self.ended(timeout_s)
        out, err = ((self._folder / name).read_text() for name in ("out", "err"))
        return subprocess.CompletedProcess(self.process.args, code, out, err)

    def ended(self, timeout_s: float = BOUND_S) -> int:
        """Wait until it ends; return its exit code."""
        return self.process.wait(timeout_s)


@contextmanager
def running(
    *arguments: str, folder: Path, env: dict[str, str] | None = None
) -> Iterator[RunningCommand]:
    """Start a command; on exit, kill it and every process that it started."""
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
        descendants = command.descendants()
        process.kill()
        process.wait()
        for survivor in descendants:
            with suppress(psutil.NoSuchProcess):
                survivor.kill()


def _environment(changes: dict[str, str] | None) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
    # If Python itself crashes, the fault handler prints where.
    return {**inherited, "PYTHONFAULTHANDLER": "1", **(changes or {})}


#: Variables that a developer's shell may have set; each test sets them itself if it needs them.
_NOT_INHERITED = frozenset(
    {
        "COLUMNS",
        "NO_COLOR",
        "FORCE_COLOR",
        "CELERY_BROKER_URL",
        "CELERY_RESULT_BACKEND",
        "POOLWISE_APP",
        "POOLWISE_BROKER",
        "POOLWISE_BROKER_OPTIONS",
    }
)
