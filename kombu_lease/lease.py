"""A consumer's lease: what it holds, kept alive by a thread and a connection of its own.

The thread renews the lease, returns what expired leases of others held, queues messages that are
due, and sends acknowledgements that nobody else has sent. It outlives the channel that opened the
lease: a task that still runs when its worker reconnects keeps its message, and acknowledges it
here. A message that nobody refers to any more can never be acknowledged, so it is handed back.
"""

from __future__ import annotations

import atexit
import os
import random
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import uuid4

import redis
from kombu.log import get_logger

from kombu_lease import options, scripts
from kombu_lease.keys import Keys
from kombu_lease.native import Waker, start_thread

_log = get_logger(__name__)
_monotonic = time.monotonic
T = TypeVar("T")

#: Messages that one call of `tick` returns or queues at most.
_TICK_LIMIT = 200
#: Messages in front of a returned copy that a late acknowledgement looks at.
_LATE_LIMIT = 10_000
#: Settlements in one call.
_SETTLE_LIMIT = 500
#: Seconds between looks at a lost lease, until all of its tasks have ended.
_LOST_S = 1.0
#: Seconds that the end of the process waits for the last acknowledgements.
_EXIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Held:
    """A message in flight."""

    list_key: str
    message: bytes


class Lease:
    """The lease of one channel.

    `connect` returns a client that only this lease uses; `on_loss` is called, from its thread, if
    the lease is lost. Methods may be called from any thread.
    """

    def __init__(
        self,
        keys: Keys,
        lease_s: float,
        connect: Callable[[], redis.Redis],
        on_loss: Callable[[], None],
    ) -> None:
        self.consumer = uuid4().hex
        self.held_key = keys.held + self.consumer
        self.lost = False
        self.ended = False
        self._keys = keys
        self._lease_s = lease_s
        self._connect = connect
        self._on_loss = on_loss
        self._pid = os.getpid()
        self._waker = Waker()
        self._held: dict[str, Held] = {}
        self._acks: deque[str] = deque()
        self._acks_since_s: float | None = None
        self._operations: deque[tuple[str, str, str]] = deque()
        self._orphans: deque[str] = deque()
        self._references: dict[str, weakref.ref[Any]] = {}
        self._closing = False
        self._busy = False  # whether messages were claimed since the thread last looked
        self._asleep = False  # whether the thread waits for the next tick
        self._next_tick_s = 0.0
        self._contact_s: float | None = None  # since when Redis has answered without a break
        self._answered_s = 0.0
        self._failing = False

    # What the channel calls.

    def open(self, client: redis.Redis) -> None:
        """Create the lease with a client of the caller's, and begin to renew it."""
        self._call_tick(client, create=True)
        self._answered_s = self._contact_s = _monotonic()
        self._next_tick_s = self._answered_s + self._tick_s
        _open.add(self)
        start_thread(self._run)

    def hold(self, field: str, held: Held) -> None:
        """Note a message that was claimed."""
        self._held[field] = held
        self._busy = True
        if self._asleep:  # from now on, acknowledgements must not wait for the next tick
            self._asleep = False
            self._waker.wake()

    def ack(self, field: str) -> None:
        """Acknowledge a message, at the latest after `options.ACK_DELAY_S`."""
        self._acks.append(field)
        if self._acks_since_s is None:
            self._acks_since_s = _monotonic()
        if self._closing:
            self._waker.wake()

    def take_acks(self) -> list[str]:
        """Return acknowledgements to send; `confirm` or `retry_acks` must follow."""
        self._acks_since_s = None
        taken: list[str] = []
        while self._acks and len(taken) < options.ACK_LIMIT:
            try:
                taken.append(self._acks.popleft())
            except IndexError:  # another thread took it
                break
        return taken

    def confirm(self, fields: Iterable[str]) -> None:
        """Forget messages whose acknowledgement Redis has confirmed."""
        for field in fields:
            self._held.pop(field, None)
            self._references.pop(field, None)

    def retry_acks(self, fields: Iterable[str]) -> None:
        """Send acknowledgements again that may not have arrived."""
        self._acks.extendleft(fields)
        self._acks_since_s = 0.0
        self._waker.wake()

    def settle(self, operation: str, field: str, argument: str = "") -> None:
        """Do something else with a message; see `lua/settle.lua`."""
        self._operations.append((operation, field, argument))
        self._waker.wake()

    def lose(self) -> None:
        """Note that the lease is lost."""
        if not self.lost:
            self.lost = True
            _log.warning(
                "The lease of this consumer expired; its %d messages went back to their queues.",
                len(self._held),
            )
            self._on_loss()
        self._waker.wake()

    def close(self, delivered: Iterable[tuple[str, Any]] = ()) -> None:
        """Claim nothing more: wait for the messages in `delivered`, and hand back the others.

        A message is handed back once nothing refers to it any more.
        """
        if self._closing or self._pid != os.getpid():
            return
        for field, message in delivered:
            # Without the message itself, or it would never be collected.
            self._references[field] = weakref.ref(
                message, _adder(self._orphans, self._waker, field)
            )
        self._orphans.extend(field for field in list(self._held) if field not in self._references)
        self._closing = True
        self._waker.wake()

    def wait_settled(self, timeout_s: float) -> None:
        """Wait until everything that can be settled now is settled, while Redis answers."""
        until_s = _monotonic() + timeout_s
        while not (self.ended or self._failing or self._settled) and _monotonic() < until_s:
            time.sleep(0.002)

    # The thread.

    @property
    def _tick_s(self) -> float:
        return self._lease_s / options.RENEWALS

    @property
    def _waiting(self) -> bool:
        return bool(self._acks or self._operations or self._orphans)

    @property
    def _settled(self) -> bool:
        return not self._waiting and (bool(self._references) or not self._closing)

    def _run(self) -> None:
        client = self._connect()
        while not self.ended:
            self._waker.wait(self._pause_s())
            if self._failing and _monotonic() < self._next_tick_s:
                continue
            try:
                self._work(client)
                self._failing = False
            except Exception as error:  # noqa: BLE001  without this thread, the lease expires
                self._fail(client, error)
        _open.discard(self)
        client.connection_pool.disconnect()

    def _pause_s(self) -> float:
        """Return how long there is nothing to do unless something wakes the thread."""
        if self.lost and not self._failing:
            return _LOST_S
        pause_s = self._next_tick_s - _monotonic()
        if self._failing:
            return pause_s
        busy, self._busy = self._busy, False
        self._asleep = not (busy or self._held)
        if self._asleep and self._busy:  # a message was claimed between these two lines
            self._asleep = False
        return pause_s if self._asleep else min(pause_s, options.ACK_DELAY_S)

    def _fail(self, client: redis.Redis, error: Exception) -> None:
        if not self._failing:
            _log.warning("The lease cannot be renewed, will retry: %s", error)
        self._failing = True
        self._contact_s = None
        self._next_tick_s = _monotonic() + min(1.0, self._tick_s)
        client.connection_pool.disconnect()

    def _work(self, client: redis.Redis) -> None:
        if _monotonic() >= self._next_tick_s and not self.lost:
            self._tick(client)
        # In this order, or a message that was acknowledged and then forgotten would be handed back.
        orphans = _drain(self._orphans)
        try:
            self._send_acks(client)
        except BaseException:
            self._orphans.extend(orphans)
            raise
        orphans.sort(key=_claimed, reverse=True)
        self._operations.extend(("head", field, "") for field in orphans if field in self._held)
        self._send_operations(client)
        if self._closing and not self._references and not self._waiting:
            self._end(client)

    def _tick(self, client: redis.Redis) -> None:
        answer, _, _, more = self._call_tick(client)
        if answer != b"ok":
            return self.lose()
        now_s = _monotonic()
        if self._contact_s is None or now_s - self._answered_s > self._lease_s:
            self._contact_s = now_s
        self._answered_s = now_s
        # Not all consumers at the same moment.
        spread_s = self._tick_s * random.uniform(0.9, 1.1)  # noqa: S311
        self._next_tick_s = now_s + (0 if more else spread_s)
        return None

    def _call_tick(self, client: redis.Redis, create: bool = False) -> Any:
        arguments = (
            self.consumer,
            int(self._lease_s * 1000),
            int(create),
            int(self._may_reap()),
            int(options.SOON_S * 1000),
            _TICK_LIMIT,
            self._keys.held,
        )
        keys = [self.held_key, self._keys.dead, self._keys.leases, self._keys.delayed]
        return scripts.TICK.run(client, keys, arguments)

    def _may_reap(self) -> bool:
        """Return whether an expired lease is its consumer's fault rather than Redis's or ours.

        After a restart of Redis or a stall of this process, others get time to renew first.
        """
        now_s = _monotonic()
        if self._contact_s is None or now_s - self._answered_s > self._lease_s:
            return False
        return now_s - self._contact_s >= self._lease_s

    def _send_operations(self, client: redis.Redis) -> None:
        while batch := _drain(self._operations, _SETTLE_LIMIT):
            try:
                if not self.lost:
                    self._settle(client, batch)
            except BaseException:
                self._operations.extendleft(reversed(batch))
                raise
            self.confirm(field for _, field, _ in batch)

    def _settle(self, client: redis.Redis, batch: list[tuple[str, str, str]]) -> None:
        words = [word for operation in batch for word in operation]
        keys = [self.held_key, self._keys.dead, self._keys.delayed]
        if scripts.SETTLE.run(client, keys, words) == b"lost":
            self.lose()

    def _send_acks(self, client: redis.Redis) -> None:
        since_s = self._acks_since_s
        if self._acks and since_s is None:
            self._acks_since_s = since_s = _monotonic()
        old = since_s is not None and _monotonic() - since_s >= options.ACK_DELAY_S
        while self._acks and (old or self._closing or self.lost):
            fields = self.take_acks()
            try:
                if not self.lost:
                    self._settle(client, [("ack", field, "") for field in fields])
                if self.lost:
                    self._cancel_copies(client, fields)
            except BaseException:
                self.retry_acks(fields)
                raise
            self.confirm(fields)

    def _cancel_copies(self, client: redis.Redis, fields: list[str]) -> None:
        for field in fields:
            if held := self._held.get(field):
                scripts.LATE.run(client, [held.list_key], [held.message, _LATE_LIMIT])

    def _end(self, client: redis.Redis) -> None:
        if not self.lost:
            keys = [self.held_key, self._keys.dead, self._keys.leases]
            scripts.RELEASE.run(client, keys, [self.consumer])
        self.ended = True

    def end(self) -> None:
        """Hand back everything that is not acknowledged: the process is about to end."""
        self.close()
        self._orphans.extend(list(self._references))
        self._references.clear()
        self._waker.wake()


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


def _adder(orphans: deque[str], waker: Waker, field: str) -> Callable[[Any], None]:
    """Return a callback that reports a message that nothing refers to any more.

    It may run anywhere, at any time, so it must not take a lock.
    """

    def add(_reference: Any) -> None:
        orphans.append(field)
        waker.wake()

    return add


def _claimed(field: str) -> tuple[int, int]:
    """Return the claim and the position of a field such as c12.3."""
    claim, _, index = field.lstrip("cgx").partition(".")
    return int(claim), int(index)


def _drain(waiting: deque[T], limit: int = 1_000_000) -> list[T]:
    taken: list[T] = []
    while waiting and len(taken) < limit:
        try:
            taken.append(waiting.popleft())
        except IndexError:
            break
    return taken
