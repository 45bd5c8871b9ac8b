"""A consumer's lease: as long as it is renewed, what the consumer holds goes to nobody else.

It outlives the channel that opened it: a task that still runs when its worker reconnects keeps its
message, and acknowledges it here. A message that nobody refers to any more can never be
acknowledged, so it is handed back.
"""

from __future__ import annotations

import atexit
import os
import time
from collections.abc import Callable, Iterable
from typing import Any
from uuid import uuid4

import redis
from kombu.log import get_logger

from kombu_lease.holding import Held, Holding
from kombu_lease.keeper import Keeper
from kombu_lease.keys import Keys
from kombu_lease.native import Waker, start_thread
from kombu_lease.phase import Phase
from kombu_lease.renewal import Renewal
from kombu_lease.settling import Settling

_log = get_logger(__name__)
_monotonic = time.monotonic

#: Seconds that the end of the process waits for the last acknowledgements.
_EXIT_S = 5.0


class Lease:
    """The lease of one channel.

    `connect` returns a client with one connection, which only this lease uses; `on_loss` is called,
    from its thread, if the lease is lost. Methods may be called from any thread.
    """

    def __init__(
        self,
        keys: Keys,
        lease_s: float,
        connect: Callable[[], redis.Redis],
        on_loss: Callable[[], None],
    ) -> None:
        consumer = uuid4().hex
        self.held_key = keys.held + consumer
        self._connect = connect
        self._on_loss = on_loss
        self._pid = os.getpid()
        self._waker = Waker()
        self._phase = phase = Phase()
        self._holding = holding = Holding(self._waker.wake)
        self._renewal = renewal = Renewal(keys, consumer, lease_s)
        settling = Settling(keys, consumer, holding, phase, self.lose)
        self._keeper = Keeper(self._waker, phase, holding, renewal, settling, self.lose)
        # What became of messages:
        self.take_acks = holding.take_acks
        self.retry_acks = holding.retry_acks
        self.confirm = holding.confirm
        self.settle = holding.settle
        self.blame = holding.blame

    @property
    def lost(self) -> bool:
        """Whether it expired."""
        return self._phase.lost

    def open(self, client: redis.Redis) -> None:
        """Create the lease with a client of the caller's, and begin to renew it."""
        self._renewal.create(client)
        _open.add(self)
        start_thread(self._run)

    def hold(self, field: str, held: Held) -> None:
        """Note a message that was claimed."""
        self._holding.add(field, held)

    def ack(self, field: str) -> None:
        """Acknowledge a message, at the latest after `options.ACK_DELAY_S`."""
        self._holding.ack(field)
        if self._phase.closing:
            self._waker.wake()

    def lose(self) -> None:
        """Note that the lease is lost."""
        if not self._phase.lost:
            self._phase.lost = True
            _log.warning(
                "The lease of this consumer expired. Messages that went back to their queues: %d.",
                len(self._holding.messages),
            )
            self._on_loss()
        self._waker.wake()

    def close(self, delivered: Iterable[tuple[str, Any]] = ()) -> None:
        """Claim nothing more: wait for the messages in `delivered`, and hand back the others.

        A message is handed back once nothing refers to it any more.
        """
        if self._phase.closing or self._pid != os.getpid():
            return
        orphans = self._holding.orphans
        held = self._holding.messages.copy()
        for field, message in delivered:
            if field in held:  # a broadcast is not
                orphans.watch(field, message)
        orphans.add(field for field in held if not orphans.watches(field))
        self._phase.closing = True
        self._waker.wake()

    def end(self) -> None:
        """Hand back everything that is not acknowledged: the process is about to end."""
        self.close()
        self._holding.orphans.give_up()
        self._waker.wake()

    def wait_settled(self, timeout_s: float) -> None:
        """Wait until everything that can be settled now is settled, while Redis answers."""
        self._wait(lambda: self._settled, timeout_s)

    def wait_moved(self, timeout_s: float) -> None:
        """Wait until Redis has put back all that this consumer returned, while Redis answers."""
        self._wait(lambda: not self._holding.moving, timeout_s)

    def _wait(self, so: Callable[[], bool], timeout_s: float) -> None:
        until_s = _monotonic() + timeout_s
        phase = self._phase
        while not (phase.ended or phase.failing or so()) and _monotonic() < until_s:
            time.sleep(0.002)

    @property
    def _settled(self) -> bool:
        holding = self._holding
        return not holding.waiting and (holding.orphans.watching or not self._phase.closing)

    def _run(self) -> None:
        self._keeper.run(self._connect)
        _open.discard(self)


#: The leases of this process that are not over, to end them with it.
_open: set[Lease] = set()


@atexit.register
def _end_all() -> None:
    mine = [lease for lease in list(_open) if lease._pid == os.getpid()]
    for lease in mine:
        lease.end()
    until_s = _monotonic() + _EXIT_S
    for lease in mine:
        lease.wait_settled(until_s - _monotonic())
