"""Faults of the broker: restarted, killed, stalled, cut from its clients, full, read-only."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from lab.chaos.faults.fault import Fault
from lab.chaos.trial.injected import Injected
from lab.chaos.trial.trial import Trial

#: Seconds that the broker is away, stalled, full or read-only.
AWAY_S: Final = 3.0
#: Seconds that `CLIENT PAUSE` stalls all clients: longer than the usual time-outs.
PAUSE_S: Final = 8.0


def restart(trial: Trial) -> Injected:
    """End the broker as a service manager does, and start it again."""
    return _away(trial, trial.broker.stop)


def kill(trial: Trial) -> Injected:
    """Kill the broker, and start it again with the data that is on disk."""
    return _away(trial, trial.broker.kill)


def cut_clients(trial: Trial) -> Injected:
    """Close the connections of all clients."""
    at_s = _busy(trial)
    closed = sum(
        int(trial.broker.client.client_kill_filter(_type=kind, skipme=True))
        for kind in ("normal", "pubsub")
    )
    return Injected(at_s=at_s, until_s=time.monotonic(), hit=closed > 0, text=f"{closed} clients")


def pause_clients(trial: Trial) -> Injected:
    """Stall all clients for a while."""
    at_s = _busy(trial)
    trial.broker.client.client_pause(int(PAUSE_S * 1_000))
    trial.pause(PAUSE_S)
    return Injected(at_s=at_s, until_s=time.monotonic(), hit=True, text=f"for {PAUSE_S:g} s")


def read_only(trial: Trial) -> Injected:
    """Make the broker a replica of nothing, which refuses all writes."""

    def harm() -> None:
        trial.broker.client.replicaof("127.0.0.1", "1")

    def heal() -> None:
        trial.broker.client.replicaof("NO", "ONE")

    return _for_a_while(trial, harm, heal)


def full(trial: Trial) -> Injected:
    """Let the broker's memory be full, with `noeviction`."""

    def harm() -> None:
        trial.broker.client.config_set("maxmemory-policy", "noeviction")
        trial.broker.client.config_set("maxmemory", "1")

    def heal() -> None:
        trial.broker.client.config_set("maxmemory", "0")

    return _for_a_while(trial, harm, heal)


def flush_scripts(trial: Trial) -> Injected:
    """Empty the cache of Lua scripts."""
    at_s = _busy(trial)
    trial.broker.client.script_flush()
    return Injected(at_s=at_s, until_s=time.monotonic(), hit=True)


def _busy(trial: Trial) -> float:
    trial.busy_worker()
    return time.monotonic()


def _away(trial: Trial, end: Callable[[], None]) -> Injected:
    at_s = _busy(trial)
    end()
    gone = not trial.broker.child.alive
    trial.pause(AWAY_S)
    trial.broker.start()
    return Injected(
        at_s=at_s,
        until_s=time.monotonic(),
        hit=gone,
        text=f"away for {time.monotonic() - at_s:.1f} s",
    )


def _for_a_while(trial: Trial, harm: Callable[[], None], heal: Callable[[], None]) -> Injected:
    at_s = _busy(trial)
    harm()
    try:
        trial.pause(AWAY_S)
    finally:
        heal()
    return Injected(at_s=at_s, until_s=time.monotonic(), hit=True, text=f"for {AWAY_S:g} s")


BROKER_FAULTS: Final = (
    Fault(
        name="redis-restart",
        text=f"Redis ended with SIGTERM, started again after {AWAY_S:g} s",
        target="broker",
        inject=restart,
        default=True,
    ),
    Fault(
        name="redis-kill",
        text=f"Redis killed, started again after {AWAY_S:g} s (appendfsync everysec)",
        target="broker",
        inject=kill,
        default=True,
    ),
    Fault(
        name="redis-kill-always",
        text=f"Redis killed, started again after {AWAY_S:g} s (appendfsync always)",
        target="broker",
        inject=kill,
        append_only="always",
    ),
    Fault(
        name="client-kill",
        text="all connections to Redis closed (CLIENT KILL)",
        target="broker",
        inject=cut_clients,
        default=True,
    ),
    Fault(
        name="client-pause",
        text=f"Redis answers nobody for {PAUSE_S:g} s (CLIENT PAUSE)",
        target="broker",
        inject=pause_clients,
    ),
    Fault(
        name="read-only",
        text=f"Redis refuses writes for {AWAY_S:g} s (READONLY)",
        target="broker",
        inject=read_only,
    ),
    Fault(
        name="out-of-memory",
        text=f"Redis is full for {AWAY_S:g} s (OOM, noeviction)",
        target="broker",
        inject=full,
    ),
    Fault(
        name="script-flush",
        text="Redis forgets its scripts (SCRIPT FLUSH)",
        target="broker",
        inject=flush_scripts,
    ),
)
