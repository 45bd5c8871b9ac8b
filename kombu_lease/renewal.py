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
        self._interval_s = lease_s / options.RENEWALS
        self._next_s = 0.0
        self._contact_s: float | None = None  # since when Redis has answered without a break
        self._answered_s = 0.0

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
        self._call(client, create=True)
        self._answered_s = self._contact_s = _monotonic()
        self._next_s = self._answered_s + self._interval_s

    def renew(self, client: redis.Redis) -> bool:
        """Renew the lease; return False if it is lost."""
        answer, _, _, more = self._call(client)
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

    def _call(self, client: redis.Redis, create: bool = False) -> Any:
        arguments = (
            self._consumer,
            int(self._lease_s * 1000),
            int(create),
            int(self._may_reap()),
            int(options.SOON_S * 1000),
            _TICK_LIMIT,
            self._keys.held,
        )
        held_key = self._keys.held + self._consumer
        keys = [held_key, self._keys.dead, self._keys.leases, self._keys.delayed]
        return scripts.TICK.run(client, keys, arguments)

    def _may_reap(self) -> bool:
        """Return whether an expired lease is its consumer's fault rather than Redis's or ours.

        After a restart of Redis or a stall of this process, others get time to renew first.
        """
        now_s = _monotonic()
        if self._contact_s is None or now_s - self._answered_s > self._lease_s:
            return False
        return now_s - self._contact_s >= self._lease_s
