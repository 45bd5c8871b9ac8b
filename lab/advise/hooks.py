"""Runs the user's commands that prepare what the task needs, and remove it afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cluster.local import LocalCluster
from cluster.process import Child
from tasks.errors import PoolwiseError

#: Seconds between two looks at a command.
STEP_S: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """Shell commands; an empty one is none."""

    setup: str = ""
    teardown: str = ""


class HookError(PoolwiseError):
    """Raised when the command of `--setup` or `--teardown` fails."""


@contextmanager
def prepared(
    cluster: LocalCluster, folder: Path, hooks: Hooks, failed: Callable[[str], None]
) -> Iterator[None]:
    """Run `setup` in `folder`, then the block, then `teardown`, however the block ends.

    It runs too if `setup` fails or is interrupted, or if the broker has died. The workers stop
    before it, so that no task runs meanwhile. What `setup` leaves running in the background stops
    after it. `failed` receives why `teardown` failed, because what was measured is still good.

    Raises HookError, with the tail of the log, if `setup` fails.
    """
    background: list[Child] = []

    def start(name: str, command: str) -> Child:
        background.append(cluster.start_program(name, ["/bin/sh", "-c", command], folder))
        return background[-1]

    try:
        if hooks.setup:
            _wait(start("setup", hooks.setup), cluster.check)
        yield
    finally:
        try:
            if hooks.teardown:
                cluster.stop_all_but_broker()
                _wait(start("teardown", hooks.teardown))
        except HookError as error:
            failed(str(error))
        finally:
            for child in background:
                child.kill()


def _wait(child: Child, check: Callable[[], None] = lambda: None) -> None:
    """Wait until a command has ended; meanwhile, call `check`, whose errors end the wait.

    Raises HookError, with the tail of its log, if it fails.
    """
    while not child.ends_within(STEP_S):
        check()
    if child.exit_code:
        raise HookError(_why(child))


def _why(child: Child) -> str:
    tail = child.log_tail()
    output = f"the last lines of {child.log}:\n{tail}" if tail else "it printed nothing"
    return f"the command of --{child.name} failed ({child.how_it_ended()}); {output}"
