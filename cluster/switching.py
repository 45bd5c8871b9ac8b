"""Switches a running worker to another pool, from the caller's side."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from cluster.discovery import SWITCHES, TRIES, RemoteControl, includes
from cluster.program import program
from cluster.wait import wait_until
from cluster.workers import START_PER_SLOT_S, START_S
from tasks.errors import UsageError, WorkerError, suggestion
from worker.control import SWITCH, SwitchReply, WorkerInfo
from worker.pools import pool_named

#: Seconds that the worker may take to shut down, once its tasks have finished.
STOP_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchRequest:
    """The pool that a worker should get."""

    pool: str
    concurrency: int | None = None  # None: the pool's default on the worker's machine
    wait_s: float = 60.0  # for its running tasks; after that the worker cancels the switch


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchResult:
    """A completed switch."""

    node: str
    before: WorkerInfo
    after: WorkerInfo
    took_s: float
    command: str  # the new command line; empty if nothing had to be done
    warnings: tuple[str, ...]  # preflight warnings about the new flags


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchEvents:
    """Callbacks for the progress of a switch."""

    accepted: Callable[[SwitchReply], None] = lambda _accepted: None
    waiting: Callable[[WorkerInfo | None], None] = lambda _info: None  # None: it is restarting


def switch(
    remote: RemoteControl, name: str, request: SwitchRequest, events: SwitchEvents | None = None
) -> SwitchResult:
    """Switch the worker called `name`; the part of its name from the @ on may be left out.

    Raises UsageError if the request is invalid or the worker rejects it. Raises WorkerError if the
    worker does not reply, cannot be switched, cancels the switch or does not come back.
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
    """Return the node name; if a full name replies, the others are not asked."""
    if "@" in name and remote.ask("ping", [name]):
        return name
    return resolved(name, sorted(remote.ask("ping", tries=TRIES)))


def resolved(name: str, nodes: Sequence[str]) -> str:
    """Return the node that `name` means.

    Raises WorkerError if there is none, UsageError if there are several.
    """
    if name in nodes:
        return name
    alike = [node for node in nodes if node.partition("@")[0] == name]
    if len(alike) > 1:
        raise UsageError(f"{name} could be any of {', '.join(alike)}: use the full name")
    if not alike:
        near = suggestion(name, [*nodes, *(node.partition("@")[0] for node in nodes)])
        answering = (
            (f"workers that answered: {', '.join(nodes)}")
            if nodes
            else "no other worker answered either"
        )
        raise WorkerError(
            f"no worker named {name} answered ({near}{answering}); "
            "a solo worker answers only between tasks"
        )
    return alike[0]


def _check_ours(remote: RemoteControl, node: str) -> None:
    """Check first, because an unknown command logs a traceback in a worker that is not ours."""
    if not includes(_reply(remote, node, "conf")) & SWITCHES:
        raise WorkerError(
            f"{node} does not support switching: "
            f"start it with -I worker.startup, as {program()} up does"
        )


def _ask(remote: RemoteControl, node: str, request: SwitchRequest) -> SwitchReply:
    reply = remote.ask(
        SWITCH, [node], pool=request.pool, concurrency=request.concurrency, wait_s=request.wait_s
    ).get(node)
    if reply is None:
        raise WorkerError(
            f"{node} has stopped answering; list the running workers with: {program()} workers"
        )
    if "error" in reply:
        raise UsageError(f"{node} rejected the switch: {reply['error']}")
    return msgspec.convert(reply["ok"], SwitchReply)


def _reply(remote: RemoteControl, node: str, method: str) -> Any:
    reply = remote.ask(method, [node], TRIES).get(node)
    if reply is None:
        raise WorkerError(
            f"{node} does not answer right now; it may be busy, or it may be a solo worker that "
            "is running a task: try again when its tasks have ended"
        )
    return reply


def _follow(
    remote: RemoteControl,
    node: str,
    request: SwitchRequest,
    accepted: SwitchReply,
    events: SwitchEvents,
) -> WorkerInfo:
    """Wait until the worker has restarted and consumes; raise WorkerError if it does not."""
    before = accepted.before
    start_s = START_S + START_PER_SLOT_S * accepted.concurrency
    patience_s = request.wait_s + STOP_S + start_s

    def look() -> WorkerInfo | None:
        info = remote.info(node)
        events.waiting(info)
        if info is not None and info.start == before.start and not info.switching:
            raise WorkerError(_cancelled(node, info, request))
        return info if info and info.start != before.start and info.ready else None

    after = wait_until(look, patience_s, lambda: _missing(node, accepted, patience_s))
    if after is None or (after.pool, after.concurrency) != (accepted.pool, accepted.concurrency):
        found = "another pool" if after is None else f"{after.pool} ×{after.concurrency}"
        raise WorkerError(
            f"{node} restarted with {found} instead of {accepted.pool} ×{accepted.concurrency}; "
            "see its log"
        )
    return after


def _cancelled(node: str, info: WorkerInfo, request: SwitchRequest) -> str:
    if not info.gave_up:
        return f"{node} was not switched: the switch was cancelled; nothing was interrupted"
    return (
        f"{node} was not switched: {info.gave_up} after {request.wait_s:g} s; "
        "nothing was interrupted. To wait longer, use --timeout"
    )


def _missing(node: str, accepted: SwitchReply, after_s: float) -> WorkerError:
    return WorkerError(
        f"{node} has not come back as {accepted.pool} ×{accepted.concurrency} within "
        f"{after_s:.0f} s; it may still be starting: see its log. "
        f"Its new command line: {accepted.command}"
    )
