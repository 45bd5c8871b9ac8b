"""The call that a consumer repeats so that its lease does not expire."""

from __future__ import annotations

import random
import time
from typing import Any

import redis

from kombu_lease import options, scripts
from kombu_lease.keys import Keys

_monotonic = time.monotonic

#: Messages that one call returns or queues at most.
_TICK_LIMIT = 200


class Renewal:
    """Renews one lease; the same call returns what expired leases held; see `lua/tick.lua`."""

    def __init__(self, keys: Keys, consumer: str, lease_s: float) -> None:
        self._keys = keys
        self._consumer = consumer
        self._lease_s = lease_s
        # The same call queues what is due within SOON_S, so it must not wait for longer than that.
        self._interval_s = min(lease_s / options.RENEWALS, options.SOON_S / 2)
        self._next_s = 0.0
        self._contact_s: float | None = None  # since when Redis has answered without a break
        self._answered_s = 0.0
        self._packed: dict[bool, Any] = {}  # the whole command, by whether it may reap

    @property
    def pause_s(self) -> float:
        """How long until the next call; negative if it is late."""
        return self._next_s - _monotonic()

    @property
    def due(self) -> bool:
        """Whether it is time for the next call."""
        return _monotonic() >= self._next_s

    def create(self, client: redis.Redis) -> None:
        """Create the lease."""
        scripts.TICK.run(client, *self._words(self._may_reap(), create=True))
        self._answered_s = self._contact_s = _monotonic()
        self._next_s = self._answered_s + self._interval_s

    def renew(self, client: redis.Redis) -> bool:
        """Renew the lease with a client that has one connection; return False if it is lost."""
        answer, _, _, more = self._repeat(client)
        if answer != b"ok":
            return False
        now_s = _monotonic()
        if self._contact_s is None or now_s - self._answered_s > self._lease_s:
            self._contact_s = now_s
        self._answered_s = now_s
        # Not all consumers at the same moment.
        spread_s = self._interval_s * random.uniform(0.9, 1.1)  # noqa: S311
        self._next_s = now_s + (0 if more else spread_s)
        return True

    def postpone(self) -> None:
        """Try again later: Redis does not answer."""
        self._contact_s = None
        self._next_s = _monotonic() + min(1.0, self._interval_s)

    def _repeat(self, client: redis.Redis) -> Any:
        """Call with words that were packed once: this is most of what an idle consumer does."""
        may_reap = self._may_reap()
        connection: Any = client.connection
        if may_reap not in self._packed:
            keys, words = self._words(may_reap)
            command = ("EVALSHA", scripts.TICK.sha, len(keys), *keys, *words)
            self._packed[may_reap] = connection.pack_command(*command)
        try:
            connection.send_packed_command(self._packed[may_reap])
            return connection.read_response()
        except (redis.ConnectionError, redis.exceptions.NoScriptError):
            return scripts.TICK.run(client, *self._words(may_reap))  # connects, loads the script

    def _words(self, may_reap: bool, create: bool = False) -> tuple[list[str], tuple[Any, ...]]:
        """Return the script's keys and arguments."""
        keys = self._keys
        arguments = (
            self._consumer,
            int(self._lease_s * 1000),
            int(create),
            int(may_reap),
            int(options.SOON_S * 1000),
            _TICK_LIMIT,
            keys.held,
            keys.order,
        )
        return [keys.held + self._consumer, keys.dead, keys.leases, keys.delayed], arguments

    def _may_reap(self) -> bool:
        """Return whether an expired lease is its consumer's fault rather than Redis's or ours.

        After a restart of Redis or a stall of this process, others get time to renew first.
        """
        now_s = _monotonic()
        if self._contact_s is None or now_s - self._answered_s > self._lease_s:
            return False
        return now_s - self._contact_s >= self._lease_s
