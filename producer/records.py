"""Reads the probe's records from their stream, without knowing what was submitted."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import redis

from producer.entry import Entry, Gauge, Row, UnreadableEntryError, read_entry
from worker.probe import STREAM, Clock

# Clock is re-exported for packages that may not import the worker's.
__all__ = ["FAILURES", "KINDS", "Batch", "Clock", "Gauge", "Record", "RecordReader", "newest_id"]

#: Stream entries read at once.
ENTRIES_PER_READ = 200
#: The most workers, by name and pid, whose last entry is remembered.
MAX_SENDERS = 10_000
#: The known kinds of entries; other kinds, from a later probe, are skipped.
KINDS = frozenset({"ready", "rows", "gauge", "stopped"})
#: Outcomes after which Celery considers a task done, although it did not succeed. After "retried"
#: and "requeued" it will run again, even if its slot was lost.
FAILURES = frozenset({"failed", "time-limit", "revoked", "rejected", "ignored", "slot-lost"})

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One attempt at a task; times are seconds since 1970 by the records' clock."""

    run: str | None  # None: the producer did not send it
    task_id: str
    task: str
    node: str
    pool: str
    slot: str | None  # None: it never reached a slot
    due: float | None
    sent: float | None
    received: float
    started: float | None
    finished: float
    outcome: str  # succeeded, retried, requeued, or one of FAILURES
    redelivered: bool
    runtime: float | None  # seconds, as measured by Celery

    @property
    def is_end(self) -> bool:
        """Whether the task is done with this attempt."""
        return self.outcome == "succeeded" or self.outcome in FAILURES

    @property
    def ends_run(self) -> bool:
        """Whether this run of the task is over, although a retry may follow, much later."""
        return self.is_end or self.outcome == "retried"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One entry of the stream, written by one worker."""

    kind: str  # one of KINDS
    node: str
    pool: str
    slots: int
    pid: int
    seq: int
    dropped: int
    error_s: float
    records: tuple[Record, ...]
    errors: int = 0  # in the worker's probe itself so far
    gauge: Gauge | None = None
    entry_id: tuple[int, int] = (0, 0)  # milliseconds since 1970 by the records' clock, a number

    @property
    def written(self) -> float:
        """When the entry was written, in seconds since 1970 by the records' clock."""
        return self.entry_id[0] / 1_000

    def written_by(self, now_s: float) -> float:
        """Return when the entry was written, if it was read at `now_s`.

        After its clock was set back, a server dates new entries like the last one before, until the
        clock has caught up.
        """
        return min(self.written, now_s)


class RecordReader:
    """Follows the stream from now on, or from `back_s` seconds ago.

    What it cannot read, it counts and skips: anyone who can write to the broker can write anything
    to the stream, and that must not stop those who read it.
    """

    def __init__(self, server: redis.Redis, *, back_s: float = 0.0) -> None:
        """Raise redis.RedisError if `server` does not answer."""
        self._server = server
        self._last_id = _id_before(server, back_s) if back_s else _newest_id(server)
        self.unreadable = 0  # entries, and rows of readable entries, that do not fit their shape
        self._last: dict[tuple[str, int], _LastEntry] = {}  # by the worker's name and pid
        self.missed = 0  # entries that never reached us
        self.worst_error_s = 0.0  # of any worker's clock against the records' clock

    def read(self, timeout_s: float) -> list[Batch]:
        """Wait up to `timeout_s` for new entries and return them.

        Raises redis.RedisError if the server does not answer.
        """
        block_ms = max(1, round(timeout_s * 1_000))
        reply = self._server.xread({STREAM: self._last_id}, count=ENTRIES_PER_READ, block=block_ms)
        found = [self._batch(entry_id, fields) for entry_id, fields in _entries(reply)]
        return [batch for batch in found if batch is not None and batch.kind in KINDS]

    def oldest_s(self) -> tuple[float | None, bool]:
        """Return when the oldest entry was written, and whether no entry was ever removed.

        Without an entry, it is None. Redis before version 7 does not know what was removed.

        Raises redis.RedisError if the server does not answer.
        """
        oldest = cast(list[tuple[bytes, Any]], self._server.xrange(STREAM, count=1))
        if not oldest:
            return None, True
        try:
            about = self._server.xinfo_stream(STREAM)
        except redis.ResponseError:  # it is gone by now, or this user may not ask
            about = {}
        return _order(oldest[0][0])[0] / 1_000, about.get("entries-added") == about.get("length", 0)

    def resume(self) -> None:
        """Go on with what is new in the stream; call this after the server was away.

        After a failover, or from a snapshot, the stream may lack the entries that were read last.
        Those that it still has were read, too. An empty stream is read from its beginning.

        Raises redis.RedisError if the server does not answer.
        """
        newest = _newest_id(self._server)
        if _order(newest) < _order(self._last_id):
            self._last_id = newest

    def move(self, server: redis.Redis) -> None:
        """Read from another server from now on, only what was written there since the last read."""
        self._server = server

    def _batch(self, entry_id: bytes, fields: dict[bytes, bytes]) -> Batch | None:
        self._last_id = entry_id
        try:
            entry = read_entry(fields.get(b"b", b""))
        except UnreadableEntryError as error:
            self._skip(1, str(error))
            return None
        self.worst_error_s = max(self.worst_error_s, entry.error_s)
        rows = self._without_repeats(entry)
        batch = _batch(entry, rows, _order(entry_id))
        if unreadable := len(rows) - len(batch.records):
            self._skip(unreadable, f"a record from {entry.node[:80]!a} is malformed")
        return batch

    def _skip(self, count: int, why: str) -> None:
        if not self.unreadable:
            logger.warning("skipping records that cannot be read, the first because %s", why)
        self.unreadable += count

    def _without_repeats(self, entry: Entry) -> list[Row | None]:
        """Count the entries missing before this one; return the rows that were not yet read.

        If a worker did not learn that an entry was written, it sends the rows again under the same
        number: the repeated rows come first, without those that it dropped meanwhile.
        """
        sender, rows = (entry.node, entry.pid), len(entry.rows)
        last, repeated = self._last.pop(sender, None), 0
        if last is not None and entry.kind != "ready":  # "ready": a new worker, even with this pid
            self.missed += max(0, entry.seq - last.seq - 1)
            if entry.seq == last.seq:
                repeated = max(0, last.rows - (entry.dropped - last.dropped))
        if len(self._last) >= MAX_SENDERS:
            del self._last[next(iter(self._last))]  # the one that has been silent longest
        self._last[sender] = _LastEntry(entry.seq, entry.dropped, max(repeated, rows))
        return entry.rows[repeated:]


class _LastEntry(NamedTuple):
    """What is remembered of a worker's last entry."""

    seq: int
    dropped: int
    rows: int


def _batch(entry: Entry, rows: Sequence[Row | None], entry_id: tuple[int, int]) -> Batch:
    return Batch(
        kind=entry.kind,
        node=entry.node,
        pool=entry.pool,
        slots=entry.slots,
        pid=entry.pid,
        seq=entry.seq,
        dropped=entry.dropped,
        error_s=entry.error_s,
        errors=entry.errors,
        records=tuple([_record(entry, row) for row in rows if row is not None]),
        gauge=entry.gauge,
        entry_id=entry_id,
    )


def _record(entry: Entry, row: Row) -> Record:
    """Convert a row, whose times are by the worker's own clock, in whole microseconds."""
    header, offset_s = row.header, entry.offset_s
    return Record(
        run=None if header is None else header.run,
        task_id=row.task_id,
        task=row.task,
        node=entry.node,
        pool=entry.pool,
        slot=row.slot,
        due=None if header is None else _seconds(header.due),
        sent=None if header is None else _seconds(header.sent),
        received=row.received / 1e6 + offset_s,
        started=None if row.started is None else row.started / 1e6 + offset_s,
        finished=row.finished / 1e6 + offset_s,
        outcome=row.outcome,
        redelivered=bool(row.redelivered),
        runtime=_seconds(row.runtime),
    )


def _seconds(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / 1e6


def _newest_id(server: redis.Redis) -> bytes:
    newest = cast(list[tuple[bytes, Any]], server.xrevrange(STREAM, count=1))
    return newest[0][0] if newest else b"0-0"


def newest_id(server: redis.Redis) -> tuple[int, int]:
    """Return the id of the newest entry, comparable with those of other servers; 0, 0 if none.

    Raises redis.RedisError if `server` does not answer.
    """
    return _order(_newest_id(server))


def _id_before(server: redis.Redis, back_s: float) -> bytes:
    clock = Clock.read(server, samples=1)
    return b"%d-0" % max(0, int((time.monotonic() + clock.offset_s - back_s) * 1_000))


def _order(entry_id: bytes) -> tuple[int, int]:
    milliseconds, _, number = entry_id.partition(b"-")
    return int(milliseconds), int(number)


def _entries(reply: Any) -> Iterator[tuple[bytes, dict[bytes, bytes]]]:
    if not isinstance(reply, dict):
        for _, entries in reply or ():
            yield from entries
        return
    for entries in reply.values():
        for one in entries:  # with version 3 of the protocol, redis-py returns a list of lists
            yield from one if isinstance(one, list) else [one]
