"""The queues of runs that were killed, and how a later run knows that it may remove them.

A run at a broker that outlives it notes its queues there, and holds a lease: a key that expires if
the run no longer renews it. A noted queue whose run has lost its lease belongs to nobody. The keys
have the queues' prefix, so that only a run that finds the queues forgets about them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import redis
from kombu import Connection

from cluster.discovery import MOMENT_S, RemoteControl
from producer.queues import remove

#: Seconds after which a run counts as dead. Longer than a broker needs to restart.
LEASE_S: Final = 120
#: What all queues of all runs begin with.
PREFIX: Final = "poolwise-"
#: Holds the ids of the runs that have not removed their queues yet.
RUNS: Final = "poolwise:runs"


class Lease:
    """The lease of one run, and the note of its queues."""

    def __init__(self, server: redis.Redis, run: str, prefix: str = "") -> None:
        """`prefix` is the `global_keyprefix` of the run's queues."""
        self._server = server
        self._run = run
        self._prefix = prefix

    @property
    def key(self) -> str:
        """The key that exists while the run lives."""
        return f"{self._prefix}poolwise:run:{self._run}"

    @property
    def queues_key(self) -> str:
        """The key that holds the names of the run's queues."""
        return f"{self.key}:queues"

    def renew(self) -> None:
        """Count as alive for another `LEASE_S` seconds."""
        self._server.set(self.key, "alive", ex=LEASE_S)

    def begin(self) -> None:
        """Hold the lease, then enter the run; the other way round it would be dead for a moment."""
        self.renew()
        self._server.sadd(f"{self._prefix}{RUNS}", self._run)

    def note(self, queue: str) -> None:
        """Note a queue before it is created."""
        self._server.sadd(self.queues_key, queue)

    def expired(self) -> bool:
        """Return whether the run is dead."""
        return not self._server.exists(self.key)

    def queues(self) -> list[str]:
        """Return the noted queues; whatever else stands there is not a queue of a run."""
        names = _members(self._server, self.queues_key)
        return [name for name in names if name.startswith(f"{self._run}.")]

    def end(self) -> None:
        """Forget the run, whose queues are gone."""
        self._server.srem(f"{self._prefix}{RUNS}", self._run)
        self._server.delete(self.queues_key, self.key)


def remove_dead(
    server: redis.Redis, connection: Connection, remote: RemoteControl, prefix: str = ""
) -> None:
    """Remove the queues of all runs that are dead; tell workers that consume one to stop."""
    for run in _members(server, f"{prefix}{RUNS}"):
        lease = Lease(server, run, prefix)
        if not lease.expired():
            continue
        queues = lease.queues()
        for queue in queues:
            remote.ask("cancel_consumer", patience_s=MOMENT_S, queue=queue)
        remove(connection, queues)
        lease.end()


def _members(server: redis.Redis, key: str) -> list[str]:
    """Return the members that can be ours."""
    members: Iterable[bytes] = server.smembers(key)  # type: ignore[assignment]
    names = (member.decode(errors="replace") for member in members)
    return sorted(name for name in names if name.startswith(PREFIX))
