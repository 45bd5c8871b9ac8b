"""Faults of the worker containers of docker compose: stopped, killed, paused, cut off."""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from lab.chaos.compose.project import COMMAND_S, docker
from lab.chaos.compose.trial import ComposeTrial
from lab.chaos.trial.injected import Injected
from tasks.errors import UsageError, WorkerError

#: Seconds that a container is paused, or cut off from its network.
AWAY_S: Final = 10.0
#: Waits for the end of its input, which also comes if we are killed, then runs a command.
UNDO: Final = """trap '' INT TERM HUP; cat >/dev/null; exec docker "$@" """


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerFault:
    """One kind of fault, and the function that injects it once."""

    name: str
    text: str
    inject: Callable[[ComposeTrial], Injected]


def stop(trial: ComposeTrial) -> Injected:
    """Stop the container as `docker compose stop` does, and start it again."""
    return _restarted(trial, "stop")


def kill(trial: ComposeTrial) -> Injected:
    """Kill all processes of the container, and start it again."""
    return _restarted(trial, "kill")


def pause(trial: ComposeTrial) -> Injected:
    """Freeze all processes of the container for a while."""
    container = trial.container.id
    return _away(trial, ("pause", container), ("unpause", container))


def disconnect(trial: ComposeTrial) -> Injected:
    """Take the container off its network for a while."""
    container = trial.container
    [network, *_] = container.networks
    undo = ("network", "connect", "--alias", container.service, network, container.id)
    return _away(trial, ("network", "disconnect", network, container.id), undo)


def _restarted(trial: ComposeTrial, how: str) -> Injected:
    running = trial.busy()
    at_s = time.monotonic()
    with _undone("start", trial.container.id):
        docker(how, trial.container.id)
        interrupted = trial.book.unended(running)
    return _injected(trial, at_s, running, interrupted)


def _away(trial: ComposeTrial, do: tuple[str, ...], undo: tuple[str, ...]) -> Injected:
    running = trial.busy()
    at_s = time.monotonic()
    with _undone(*undo):
        docker(*do)
        trial.pause(AWAY_S)
    return _injected(trial, at_s, running, {})


def _injected(
    trial: ComposeTrial, at_s: float, running: Mapping[str, float], interrupted: Mapping[str, float]
) -> Injected:
    return Injected(
        at_s=at_s,
        until_s=time.monotonic(),
        hit=bool(running),
        interrupted=interrupted,
        text=f"container {trial.container.id} of {trial.container.service}",
    )


@contextmanager
def _undone(*words: str) -> Iterator[None]:
    """Run a docker command after the block, by a process that does it even if we are killed.

    Raises WorkerError, which names that command, if it fails.
    """
    before = ""
    with subprocess.Popen(
        ["/bin/sh", "-c", UNDO, "sh", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as undoing:
        try:
            yield
        except WorkerError as error:
            before = f"{error}; "
            raise
        finally:
            assert undoing.stdin is not None  # noqa: S101 - it was asked for
            undoing.stdin.close()
            if _failed(undoing):
                command = shlex.join(["docker", *words])
                raise WorkerError(
                    f"{before}the fault may not be undone, because a command failed or takes more "
                    f"than {COMMAND_S:g} s; run it yourself: {command}"
                )


def _failed(process: subprocess.Popen[bytes]) -> bool:
    """Return whether a process fails; kill it if it takes too long."""
    try:
        return process.wait(COMMAND_S) != 0
    except subprocess.TimeoutExpired:
        process.kill()
        return True


_ALL: Final = (
    ContainerFault(
        name="container-stop",
        text="the container stopped (SIGTERM, and SIGKILL after its grace period), then started",
        inject=stop,
    ),
    ContainerFault(
        name="container-kill", text="the container killed, then started again", inject=kill
    ),
    ContainerFault(
        name="container-pause",
        text=f"all processes of the container frozen for {AWAY_S:g} s",
        inject=pause,
    ),
    ContainerFault(
        name="container-disconnect",
        text=f"the container without a network for {AWAY_S:g} s",
        inject=disconnect,
    ),
)

#: All of them by name, in display order.
CONTAINER_FAULTS: Final[Mapping[str, ContainerFault]] = MappingProxyType(
    {one.name: one for one in _ALL}
)


def container_fault_named(name: str) -> ContainerFault:
    """Return the fault of a name; raise UsageError with the closest one."""
    if name in CONTAINER_FAULTS:
        return CONTAINER_FAULTS[name]
    raise UsageError.unknown("container fault", name, CONTAINER_FAULTS)
