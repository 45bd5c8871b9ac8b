"""What a consumer holds, until Redis knows what became of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from kombu_lease import options
from kombu_lease.orphans import Orphans
from kombu_lease.waiting import Waiting

_monotonic = time.monotonic


@dataclass(frozen=True, slots=True)
class Held:
    """A message in flight."""

    list_key: str
    message: bytes


class Holding:
    """Messages in flight by field, with the settlements that wait to be sent.

    `wake` is called when something must be sent now. Methods may be called from any thread.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self.messages: dict[str, Held] = {}
        self.acks: Waiting[str] = Waiting()
        self.operations: Waiting[tuple[str, str, str]] = Waiting()
        self.orphans = Orphans(wake)
        self._blamed: set[str] = set()  # fields of messages whose consumer raised
        self._moving: set[str] = set()  # fields whose operation Redis has not confirmed
        self._wake = wake
        self._acks_since_s: float | None = None
        self._busy = False  # whether messages were claimed since `rest` was called
        self._resting = False  # whether the next message must wake the sender

    @property
    def waiting(self) -> bool:
        """Whether there is something to send."""
        return bool(self.acks or self.operations or self.orphans)

    @property
    def moving(self) -> bool:
        """Whether Redis has not yet done everything that `settle` asked for."""
        return bool(self._moving)

    def add(self, field: str, held: Held) -> None:
        """Note a message that was claimed."""
        self.messages[field] = held
        self._busy = True
        if self._resting:  # from now on, acknowledgements must not wait for the next renewal
            self._resting = False
            self._wake()

    def rest(self) -> bool:
        """Return whether nothing is in flight; if so, the next message wakes the sender."""
        busy, self._busy = self._busy, False
        self._resting = not (busy or self.messages)
        if self._resting and self._busy:  # a message was claimed between these two lines
            self._resting = False
        return self._resting

    def ack(self, field: str) -> None:
        """Acknowledge a message, at the latest after `options.ACK_DELAY_S`."""
        self.acks.append(field)
        if self._acks_since_s is None:
            self._acks_since_s = _monotonic()

    def acks_due(self) -> bool:
        """Return whether acknowledgements have waited for long enough."""
        since_s = self._acks_since_s
        if self.acks and since_s is None:
            self._acks_since_s = since_s = _monotonic()
        return since_s is not None and _monotonic() - since_s >= options.ACK_DELAY_S

    def take_acks(self) -> list[str]:
        """Return acknowledgements to send; `confirm` or `retry_acks` must follow."""
        self._acks_since_s = None
        return self.acks.take(options.ACK_LIMIT)

    def retry_acks(self, fields: Iterable[str]) -> None:
        """Send acknowledgements again that may not have arrived."""
        self.acks.extendleft(fields)
        self._acks_since_s = 0.0
        self._wake()

    def confirm(self, fields: Iterable[str]) -> None:
        """Forget messages that Redis has settled."""
        for field in fields:
            self.messages.pop(field, None)
            self._moving.discard(field)
            self._blamed.discard(field)
            self.orphans.forget(field)

    def blame(self, field: str) -> None:
        """Note that the consumer of a message raised, so that its way back counts as a delivery."""
        if field in self.messages:  # it may be acknowledged already
            self._blamed.add(field)

    def hand_back(self, fields: Iterable[str]) -> None:
        """Return messages to their queues that nobody can acknowledge any more."""
        for field in fields:
            if field in self.messages:
                operation = "tail" if field in self._blamed else "head"
                self.operations.append((operation, field, ""))
            else:  # it was settled just before it was watched
                self.orphans.forget(field)

    def settle(self, operation: str, field: str, argument: str = "") -> None:
        """Do something else with a message; see `lua/settle.lua`."""
        self._moving.add(field)
        self.operations.append((operation, field, argument))
        self._wake()
