"""The thread that works for a lease, on a connection of its own."""

from __future__ import annotations

from collections.abc import Callable

import redis
from kombu.log import get_logger

from kombu_lease import options
from kombu_lease.holding import Holding
from kombu_lease.native import Waker
from kombu_lease.phase import Phase
from kombu_lease.renewal import Renewal
from kombu_lease.settling import Settling

_log = get_logger(__name__)

#: Seconds between looks at a lost lease, until all of its tasks have ended.
_LOST_S = 1.0


class Keeper:
    """Renews the lease, then sends what waits, until the lease has ended.

    `on_loss` is called when Redis answers that the lease is lost.
    """

    def __init__(
        self,
        waker: Waker,
        phase: Phase,
        holding: Holding,
        renewal: Renewal,
        settling: Settling,
        on_loss: Callable[[], None],
    ) -> None:
        self._waker = waker
        self._phase = phase
        self._holding = holding
        self._renewal = renewal
        self._settling = settling
        self._on_loss = on_loss

    def run(self, connect: Callable[[], redis.Redis]) -> None:
        """Work with a client that nobody else uses; return when the lease has ended.

        `connect` returns a client with one connection, or raises what redis-py does.
        """
        client: redis.Redis | None = None
        while not self._phase.ended:
            self._waker.wait(self._pause_s())
            if self._phase.failing and not self._renewal.due:
                continue
            try:
                client = connect() if client is None else client
                self._work(client)
                self._phase.failing = False
            except Exception as error:  # noqa: BLE001  without this thread, the lease expires
                self._fail(client, error)
        if client is not None:
            client.connection_pool.disconnect()

    def _pause_s(self) -> float:
        """Return how long there is nothing to do unless something wakes the thread."""
        phase = self._phase
        if phase.lost and not phase.failing:
            return _LOST_S
        pause_s = self._renewal.pause_s
        if phase.failing or self._holding.rest():
            return pause_s
        return min(pause_s, options.ACK_DELAY_S)

    def _work(self, client: redis.Redis) -> None:
        phase, holding = self._phase, self._holding
        if self._is_due() and not self._renewal.renew(client):
            self._on_loss()
        self._settling.send(client, self._is_due)
        if phase.closing and not holding.orphans.watching and not holding.waiting:
            self._settling.release(client)
            phase.ended = True

    def _is_due(self) -> bool:
        return self._renewal.due and not self._phase.lost

    def _fail(self, client: redis.Redis | None, error: Exception) -> None:
        if not self._phase.failing:
            _log.warning("Cannot renew the lease; trying again: %s", error)
        self._phase.failing = True
        self._renewal.postpone()
        if client is not None:
            client.connection_pool.disconnect()
