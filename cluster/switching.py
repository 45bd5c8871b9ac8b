"""Asks a running worker to change its pool, and waits until it is ready again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from cluster.discovery import SWITCHES, TRIES, RemoteControl, includes
from cluster.wait import wait_until
from tasks.errors import UsageError, WorkerError
from worker.control import SWITCH, SwitchReply, WorkerInfo
from worker.pools import pool_named

#: Seconds that the worker may take to come back, beside waiting for its tasks.
RESTART_S: Final = 30.0
#: The same for each new slot: processes are forked one after the other.
RESTART_PER_SLOT_S: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchRequest:
    """What a worker shall be."""

    pool: str
    concurrency: int | None = None  # None: the pool's default on the worker's machine
    wait_s: float = 60.0  # for its running tasks; then it stays as it is


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchResult:
    """A completed switch."""

    node: str
    before: WorkerInfo
    after: WorkerInfo
    took_s: float
    command: str  # the new command line; empty where nothing had to be done
    warnings: tuple[str, ...]  # what the new flags lose


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchEvents:
    """Who is told of a switch as it goes."""

    accepted: Callable[[SwitchReply], None] = lambda _accepted: None
    waiting: Callable[[WorkerInfo | None], None] = lambda _about: None  # None: between the two


def switch(
    remote: RemoteControl, name: str, request: SwitchRequest, events: SwitchEvents | None = None
) -> SwitchResult:
    """Switch the worker called `name`, with or without the @ and what follows.

    Raises UsageError where the worker refuses or the request makes no sense, WorkerError where it
    does not answer, is not ours, gives up or does not come back.
    """
    events = events or SwitchEvents()
    pool_named(request.pool)
    started_s = time.monotonic()
    node = _named(remote, name)
    _check_ours(remote, node)
    accepted = _ask(remote, node, request)
    events.accepted(accepted)
    after = (
        accepted.before if accepted.already else _follow(remote, node, request, accepted, events)
    )
    return SwitchResult(
        node=node,
        before=accepted.before,
        after=after,
        took_s=time.monotonic() - started_s,
        command=accepted.command,
        warnings=accepted.warnings,
    )


def _named(remote: RemoteControl, name: str) -> str:
    """Find the worker; a full name that answers needs no look at the others."""
    if "@" in name and remote.ask("ping", [name]):
        return name
    return resolved(name, sorted(remote.ask("ping", tries=TRIES)))


def resolved(name: str, nodes: Sequence[str]) -> str:
    """Return the node that `name` means; raise WorkerError for none, UsageError for several."""
    if name in nodes:
        return name
    alike = [node for node in nodes if node.partition("@")[0] == name]
    if len(alike) > 1:
        raise UsageError(f"{name} could be any of {', '.join(alike)}: say which")
    if not alike:
        others = f"there are {', '.join(nodes)}" if nodes else "nor does any other"
        raise WorkerError(
            f"no worker called {name} answers ({others}); a solo worker answers between tasks only"
        )
    return alike[0]


def _check_ours(remote: RemoteControl, node: str) -> None:
    """Look before asking: an unknown command puts a traceback into a stranger's log."""
    if not includes(_reply(remote, node, "conf")) & SWITCHES:
        raise WorkerError(
            f"{node} was not started to be switched: "
            "start it with -I worker.startup, as poolwise up does"
        )


def _ask(remote: RemoteControl, node: str, request: SwitchRequest) -> SwitchReply:
    reply = remote.ask(
        SWITCH, [node], pool=request.pool, concurrency=request.concurrency, wait_s=request.wait_s
    ).get(node)
    if reply is None:
        raise WorkerError(f"{node} has stopped answering; see poolwise workers")
    if "error" in reply:
        raise UsageError(f"{node} refuses: {reply['error']}")
    return msgspec.convert(reply["ok"], SwitchReply)


def _reply(remote: RemoteControl, node: str, method: str) -> Any:
    reply = remote.ask(method, [node], TRIES).get(node)
    if reply is None:
        raise WorkerError(f"{node} does not answer now; is it busy, or a solo worker with a task?")
    return reply


def _follow(
    remote: RemoteControl,
    node: str,
    request: SwitchRequest,
    accepted: SwitchReply,
    events: SwitchEvents,
) -> WorkerInfo:
    """Wait for another start of the worker that consumes; raise WorkerError for anything else."""
    before = accepted.before
    patience_s = request.wait_s + RESTART_S + RESTART_PER_SLOT_S * accepted.concurrency

    def look() -> WorkerInfo | None:
        info = remote.info(node)
        events.waiting(info)
        if info is not None and info.start == before.start and not info.switching:
            why = info.gave_up or "it was told otherwise meanwhile"
            raise WorkerError(
                f"{node} stays as it is: {why} after {request.wait_s:g} s; "
                "nothing was interrupted. Allow more with --timeout"
            )
        return info if info and info.start != before.start and info.ready else None

    after = wait_until(look, patience_s, lambda: _missing(node, accepted))
    if after is None or (after.pool, after.concurrency) != (accepted.pool, accepted.concurrency):
        raise WorkerError(f"{node} came back as something else: {after}; see its log")
    return after


def _missing(node: str, accepted: SwitchReply) -> WorkerError:
    return WorkerError(
        f"{node} has not come back as {accepted.pool} ×{accepted.concurrency}; see its log. "
        f"It was to run: {accepted.command}"
    )
