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

    It runs too if `setup` fails or is interrupted. The workers stop before it, so that no task runs
    meanwhile. What `setup` leaves running in the background stops after it. `failed` receives why
    `teardown` failed, because what was measured is still good.

    Raises HookError, with the tail of the log, if `setup` fails.
    """
    background: list[Child] = []
    try:
        if hooks.setup:
            _run(cluster, "setup", hooks.setup, folder, background)
        yield
    finally:
        try:
            if hooks.teardown:
                cluster.stop_all_but_broker()
                _run(cluster, "teardown", hooks.teardown, folder, background)
        except HookError as error:
            failed(str(error))
        finally:
            for child in background:
                child.kill()


def _run(
    cluster: LocalCluster, name: str, command: str, folder: Path, started: list[Child]
) -> None:
    """Run a command to its end; add it to `started`, for those that it leaves behind."""
    child = cluster.start_program(name, ["/bin/sh", "-c", command], folder)
    started.append(child)
    while not child.ends_within(STEP_S):
        cluster.check()
    if child.exit_code:
        raise HookError(_why(child))


def _why(child: Child) -> str:
    tail = child.log_tail()
    output = f"the last lines of {child.log}:\n{tail}" if tail else "it printed nothing"
    return f"the command of --{child.name} failed ({child.how_it_ended()}); {output}"
