"""The connection on which a channel claims messages; it never waits for a reply.

A command acknowledges what is done and claims as many messages as there is credit, in one step.
If there were fewer, Redis reports the next message in one of the queues by a push message, so
nothing is asked in the meantime (client tracking, on RESP3).
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

import redis

from kombu_lease import options
from kombu_lease.errors import BrokerRefusedError, LeaseLostError
from kombu_lease.keys import Keys
from kombu_lease.lease import Lease
from kombu_lease.native import is_readable
from kombu_lease.scripts import CLAIM
from kombu_lease.wire import Push, Reader, ReplyError

_monotonic = time.monotonic
_RECEIVE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where to claim from: lists by queue, those with the highest priority first."""

    queues: tuple[str, ...]
    lists: tuple[str, ...]  # of all queues for the first priority, then for the second, ...
    holds: str  # for each queue, 1 if its messages wait for an acknowledgement, else 0
    fair: bool  # whether queues share the credit; otherwise the first is emptied first


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that was claimed."""

    list_key: str
    message: bytes
    field: str  # its name for the lease; empty if it is not acknowledged


@dataclass(slots=True, kw_only=True)
class _Pending:
    station: str
    number: int
    credit: int
    acks: list[str]
    words: tuple[Any, ...]
    heard_s: float  # when it was sent, or when something arrived last
    unleased: bool  # whether it takes messages that no lease holds
    abandoned: bool = False


class Claims:
    """Claims messages for one channel.

    `connect` returns a new connection that speaks RESP3; `on_close` is called before it is closed.
    """

    def __init__(
        self, connect: Callable[[], Any], keys: Keys, on_close: Callable[[], None]
    ) -> None:
        self.lease: Lease | None = None
        self._connect = connect
        self._keys = keys
        self._on_close = on_close
        self._numbers = itertools.count(1)
        self._station = "c"
        self._connection: Any = None
        self._reader = Reader()
        self._pending: _Pending | None = None
        self._greeting = False  # whether the reply to CLIENT TRACKING is still to come
        self._recheck_s = 0.0  # nothing to claim until then, unless Redis reports a message

    @property
    def socket(self) -> Any:
        """The connected socket; it is the same until an error is raised."""
        if self._connection is None:
            self._open()
        return self._connection._sock

    @property
    def connected(self) -> bool:
        """Whether there is a connection."""
        return self._connection is not None

    @property
    def unanswered(self) -> bool:
        """Whether a reply is still to come, which may become overdue."""
        return self._pending is not None

    def pump(self, credit: int, sources: Sources) -> None:
        """Send what there is to send; replies come through `receive`.

        Raises a connection error if the lease is lost or Redis does not answer.
        """
        if self.lease and self.lease.lost:
            raise LeaseLostError("the lease of this consumer expired")
        if self._pending:
            self._check_overdue(self._pending)
            return
        if credit and _monotonic() < self._recheck_s:
            credit = 0
        acks = self.lease.take_acks() if self.lease else []
        if credit or acks:
            self._send(credit, acks, sources)

    def look_again(self) -> None:
        """Claim at the next opportunity: there are other queues now."""
        self._recheck_s = 0.0

    def receive(self) -> list[Claimed]:
        """Read what has arrived and return the messages in it.

        Raises a connection error if Redis refused a command or closed the connection.
        """
        found: list[Claimed] = []
        data = self._read()
        if self._pending:
            self._pending.heard_s = _monotonic()
        for reply in self._reader.feed(data):
            if isinstance(reply, Push):
                if reply and reply[0] == b"invalidate":
                    self._recheck_s = 0.0
            elif self._greeting:
                self._greeting = False
                if isinstance(reply, ReplyError):
                    self._refuse(reply)
            else:
                found += self._answered(reply)
        return found

    def abandon(self) -> None:
        """Give up a claim that is under way: the lease hands back what it takes.

        Messages that no lease holds come through `receive` or `rest`.
        """
        pending = self._pending
        if pending and pending.credit and not pending.abandoned:
            pending.abandoned = True
            if self.lease:
                self.lease.settle("close", self._station, str(pending.number))
                self._station += "x"

    def rest(self) -> list[Claimed]:
        """Wait for the messages that a claim under way takes and that no lease holds."""
        found: list[Claimed] = []
        with suppress(redis.RedisError, OSError):
            while self.connected and self._pending and self._pending.unleased:
                found += self.receive()
        return found

    def close(self) -> None:
        """Close the connection; the lease settles what is under way."""
        self.abandon()
        pending, self._pending = self._pending, None
        if pending and self.lease:
            self.lease.retry_acks(pending.acks)
        self._recheck_s = 0.0  # without a connection, Redis reports nothing
        connection, self._connection = self._connection, None
        if connection is not None:
            self._on_close()
            with suppress(redis.RedisError, OSError):
                connection.disconnect()

    # Sending

    def _open(self) -> None:
        connection = self._connect()
        try:
            connection.connect()
        except BaseException:
            self.close()
            raise
        self._connection, self._reader = connection, Reader()
        self._recheck_s = 0.0
        # NOLOOP: our own acknowledgements are no news.
        self._write("CLIENT", "TRACKING", "ON", "NOLOOP")
        self._greeting = True

    def _send(self, credit: int, acks: list[str], sources: Sources) -> None:
        number = next(self._numbers)
        held_key = self.lease.held_key if self.lease else self._keys.held
        words = (
            *(2 + len(sources.lists), held_key, self._keys.dead, *sources.lists),
            *(self._station, number, credit, int(sources.fair), len(sources.queues)),
            *(sources.holds, *acks),
        )
        self._pending = _Pending(
            station=self._station,
            number=number,
            credit=credit,
            acks=acks,
            words=words,
            heard_s=_monotonic(),
            unleased=bool(credit) and "0" in sources.holds,
        )
        if self._connection is None:
            self._open()
        self._write("EVALSHA", CLAIM.sha, *words)

    def _write(self, *words: Any) -> None:
        try:
            self._connection.send_packed_command(self._connection.pack_command(*words))
        except (redis.RedisError, OSError):
            self.close()
            raise

    def _check_overdue(self, pending: _Pending) -> None:
        # The reply may be there, if this process was busy with something else.
        if _monotonic() - pending.heard_s > options.REPLY_S and not self._readable():
            self.close()
            raise redis.TimeoutError(f"Redis sent nothing for {options.REPLY_S:g} s")

    def _readable(self) -> bool:
        sock = self._connection._sock if self._connection else None
        return sock is not None and (getattr(sock, "pending", int)() > 0 or is_readable(sock))

    # Receiving

    def _read(self) -> bytes:
        sock = self._connection._sock if self._connection else None
        if sock is None:
            self.close()
            raise redis.ConnectionError("the connection was closed")
        try:
            data: bytes = sock.recv(_RECEIVE_BYTES)
            while data and getattr(sock, "pending", int)():  # TLS has decrypted more
                data += sock.recv(_RECEIVE_BYTES)
        except OSError as error:
            self.close()
            raise redis.ConnectionError(f"reading from Redis failed: {error}") from error
        if not data:
            self.close()
            raise redis.ConnectionError("Redis closed the connection")
        return data

    def _answered(self, reply: Any) -> list[Claimed]:
        pending = self._pending
        if pending is None:
            return []
        if isinstance(reply, ReplyError):
            if not str(reply).startswith("NOSCRIPT"):
                self._refuse(reply)
            self._write("EVAL", CLAIM.text, *pending.words)
            return []
        if reply[0] == b"lost" and self.lease:
            self.lease.lose()
            self.close()
            raise LeaseLostError("the lease of this consumer expired")
        self._pending = None
        if self.lease:
            self.lease.confirm(pending.acks)
        found = _claimed(pending.station, pending.number, reply[1:])
        if pending.abandoned:
            return [claimed for claimed in found if not claimed.field]
        if len(found) < pending.credit:
            # Not all consumers at the same moment.
            spread = random.uniform(0.9, 1.1)  # noqa: S311
            self._recheck_s = _monotonic() + options.RECHECK_S * spread
        return found

    def _refuse(self, error: ReplyError) -> NoReturn:
        self.close()
        raise BrokerRefusedError(str(error))


def claim_now(
    client: redis.Redis,
    lease: Lease | None,
    keys: Keys,
    claim: tuple[str, int],
    sources: Sources,
    credit: int = 1,
) -> list[Claimed]:
    """Claim messages with a client that waits for the reply, and may ask again by itself.

    `claim` is its name: a station and a number.
    """
    held_key = lease.held_key if lease else keys.held
    words = (*claim, credit, int(sources.fair), len(sources.queues), sources.holds)
    reply = CLAIM.run(client, [held_key, keys.dead, *sources.lists], words)
    if reply[0] == b"lost" and lease:
        lease.lose()
        raise LeaseLostError("the lease of this consumer expired")
    return _claimed(*claim, reply[1:])


def _claimed(station: str, number: int, flat: Sequence[Any]) -> list[Claimed]:
    """Return the messages in a reply: list, message, position in the claim; and so on."""
    return [
        Claimed(lst.decode(), message, f"{station}{number}.{position}" if position else "")
        for lst, message, position in zip(flat[::3], flat[1::3], flat[2::3], strict=True)
    ]
