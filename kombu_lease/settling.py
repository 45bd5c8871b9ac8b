"""Sends to Redis what a consumer has decided about its messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import redis

from kombu_lease import scripts
from kombu_lease.holding import Holding
from kombu_lease.keys import Keys
from kombu_lease.phase import Phase

#: Settlements in one call.
_SETTLE_LIMIT = 500
#: Messages in front of a returned copy that a late acknowledgement looks at.
_LATE_LIMIT = 10_000

Operation = tuple[str, str, str]


class Settling:
    """Settles messages; `on_loss` is called when Redis answers that the lease is lost."""

    def __init__(
        self, keys: Keys, consumer: str, holding: Holding, phase: Phase, on_loss: Callable[[], None]
    ) -> None:
        self._keys = keys
        self._consumer = consumer
        self._held_key = keys.held + consumer
        self._holding = holding
        self._phase = phase
        self._on_loss = on_loss

    def send(self, client: redis.Redis, interrupted: Callable[[], bool]) -> None:
        """Send what waits, acknowledgements once they are due.

        Stops early if there is something more urgent: `interrupted` is asked after each call.
        """
        # All acknowledgements go first, or a message that was acknowledged and then forgotten would
        # be handed back.
        holding = self._holding
        orphans = holding.orphans.take()
        try:
            self._send_acks(client, bool(orphans), interrupted)
        except BaseException:
            holding.orphans.add(orphans)
            raise
        if holding.acks:
            holding.orphans.add(orphans)
        else:
            holding.hand_back(orphans)
        self._send_operations(client, interrupted)

    def release(self, client: redis.Redis) -> None:
        """End the lease: hand back what is left of it."""
        if not self._phase.lost:
            order = self._keys.order + self._consumer
            keys = [self._held_key, self._keys.dead, self._keys.leases, order]
            scripts.RELEASE.run(client, keys, [self._consumer])

    def _send_acks(
        self, client: redis.Redis, at_once: bool, interrupted: Callable[[], bool]
    ) -> None:
        holding, phase = self._holding, self._phase
        due = at_once or holding.acks_due()
        while holding.acks and (due or phase.closing or phase.lost):
            fields = holding.take_acks()
            try:
                if not phase.lost:
                    self._settle(client, [("ack", field, "") for field in fields])
                if phase.lost:
                    self._cancel_copies(client, fields)
            except BaseException:
                holding.retry_acks(fields)
                raise
            holding.confirm(fields)
            if interrupted():
                return

    def _send_operations(self, client: redis.Redis, interrupted: Callable[[], bool]) -> None:
        holding = self._holding
        while batch := holding.operations.take(_SETTLE_LIMIT):
            try:
                if not self._phase.lost:
                    self._settle(client, batch)
            except BaseException:
                holding.operations.extendleft(reversed(batch))
                raise
            holding.confirm(field for _, field, _ in batch)
            if interrupted():
                return

    def _settle(self, client: redis.Redis, batch: Sequence[Operation]) -> None:
        words = [word for operation in batch for word in operation]
        keys = [self._held_key, self._keys.dead, self._keys.delayed]
        if scripts.SETTLE.run(client, keys, words) == b"lost":
            self._on_loss()

    def _cancel_copies(self, client: redis.Redis, fields: Sequence[str]) -> None:
        """Remove the returned copies of messages that were done after the lease was lost."""
        for field in fields:
            if held := self._holding.messages.get(field):
                scripts.LATE.run(client, [held.list_key], [held.message, _LATE_LIMIT])
