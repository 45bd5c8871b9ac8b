"""Reads the probe's records from their stream, without knowing what was submitted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

import msgspec
import redis

from worker.probe import HEADER_KEYS, ROW, STREAM, VERSION, Clock, records_url

# Clock and records_url are re-exported for packages that may not import the worker's.
__all__ = ["FAILURES", "KINDS", "Batch", "Clock", "Gauge", "Record", "RecordReader", "parse"]
__all__ += ["records_url"]

#: Stream entries read at once.
ENTRIES_PER_READ = 200
#: The known kinds of entries; other kinds, from a later probe, are skipped.
KINDS = frozenset({"ready", "rows", "gauge", "stopped"})
#: Outcomes after which Celery considers a task done, although it did not succeed.
FAILURES = frozenset({"failed", "time-limit", "revoked", "rejected", "ignored"})


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
    outcome: (
        str  # succeeded, failed, time-limit, revoked; or: retried, rejected, slot-lost, ignored
    )
    redelivered: bool
    runtime: float | None  # seconds, as measured by Celery

    @property
    def is_end(self) -> bool:
        """Whether the task is done with this attempt."""
        return self.outcome == "succeeded" or self.outcome in FAILURES


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """A worker's state when it wrote the entry."""

    up_s: float  # since it was ready
    slots: int
    busy: int
    queues: tuple[str, ...]
    cpu_s: float | None  # of its process tree since its start; None: unknown
    memory_bytes: int | None
    memory: str | None  # "pss": shared pages count once; "rss": they count in each process


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
    gauge: Gauge | None = None
    written: float = 0.0  # seconds since 1970 by the records' clock


class RecordReader:
    """Follows the stream from now on, or from `back_s` seconds ago."""

    def __init__(self, server: redis.Redis, *, back_s: float = 0.0, tolerant: bool = False) -> None:
        """Raise redis.RedisError if `server` does not answer.

        A `tolerant` reader counts the entries that it cannot read; otherwise `read` raises
        ValueError.
        """
        self._server = server
        self._tolerant = tolerant
        self._last_id = _id_before(server, back_s) if back_s else _newest_id(server)
        self.unreadable = 0  # entries that a tolerant reader could not read
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

    def resume(self) -> None:
        """Read a recreated stream from its beginning; call this after the server was away.

        Raises redis.RedisError if the server does not answer.
        """
        if _order(_newest_id(self._server)) < _order(self._last_id):
            self._last_id = b"0-0"

    def _batch(self, entry_id: bytes, fields: dict[bytes, bytes]) -> Batch | None:
        self._last_id = entry_id
        try:
            batch = parse(fields[b"b"], written=_order(entry_id)[0] / 1_000)
        except (ValueError, KeyError, TypeError, msgspec.MsgspecError):
            if not self._tolerant:
                raise
            self.unreadable += 1
            return None
        self.worst_error_s = max(self.worst_error_s, batch.error_s)
        return self._without_repeats(batch)

    def _without_repeats(self, batch: Batch) -> Batch:
        """Count the entries missing before this one; drop the rows that were already read.

        If a worker did not learn that an entry was written, it sends the rows again under the same
        number: the repeated rows come first, without those that it dropped meanwhile.
        """
        sender, rows = (batch.node, batch.pid), len(batch.records)
        last, repeated = self._last.get(sender), 0
        if last is not None and batch.kind != "ready":  # "ready": a new worker, even with this pid
            self.missed += max(0, batch.seq - last.seq - 1)
            if batch.seq == last.seq:
                repeated = max(0, last.rows - (batch.dropped - last.dropped))
        self._last[sender] = _LastEntry(batch.seq, batch.dropped, max(repeated, rows))
        return replace(batch, records=batch.records[repeated:]) if repeated else batch


class _LastEntry(NamedTuple):
    """What is remembered of a worker's last entry."""

    seq: int
    dropped: int
    rows: int


def parse(body: bytes, *, written: float = 0.0) -> Batch:
    """Return the content of an entry; `written` is when it was added to the stream.

    Raises ValueError if a probe of another version wrote it.
    """
    entry = msgspec.json.decode(body)
    if entry["v"] != VERSION:
        raise ValueError(f"the record has version {entry['v']}, expected version {VERSION}")
    node, pool = entry["node"], entry["pool"]
    return Batch(
        kind=entry["kind"],
        node=node,
        pool=pool,
        slots=entry["slots"],
        pid=entry["pid"],
        seq=entry["seq"],
        dropped=entry["dropped"],
        error_s=entry["error_s"],
        records=tuple(_record(node, pool, row, entry["offset_s"]) for row in entry["rows"]),
        gauge=_gauge(entry.get("gauge")),
        written=written,
    )


#: The values of a row, including its header, that are whole microseconds.
_MICROSECONDS = ("due", "sent", "received", "started", "finished", "runtime")
#: Those of them that are times by the worker's own clock.
_OWN_CLOCK = ("received", "started", "finished")


def _record(node: str, pool: str, row: list[Any], offset_s: float) -> Record:
    values = dict(zip(ROW, row, strict=True))
    header = values.pop("header") or {}
    values.update((name, header.get(name)) for name in HEADER_KEYS)
    values["redelivered"] = bool(values["redelivered"])
    for name in _MICROSECONDS:
        if values[name] is not None:
            values[name] /= 1e6
    for name in _OWN_CLOCK:
        if values[name] is not None:
            values[name] += offset_s
    return Record(node=node, pool=pool, **values)


def _gauge(found: dict[str, Any] | None) -> Gauge | None:
    if found is None:
        return None
    return Gauge(
        up_s=found["up_s"],
        slots=found["slots"],
        busy=found["busy"],
        queues=tuple(found["queues"]),
        cpu_s=found["cpu_s"],
        memory_bytes=found["memory_bytes"],
        memory=found["memory"],
    )


def _newest_id(server: redis.Redis) -> bytes:
    newest = cast(list[tuple[bytes, Any]], server.xrevrange(STREAM, count=1))
    return newest[0][0] if newest else b"0-0"


def _id_before(server: redis.Redis, back_s: float) -> bytes:
    clock = Clock.read(server, samples=1)
    return b"%d-0" % max(0, int((time.monotonic() + clock.offset_s - back_s) * 1_000))


def _order(entry_id: bytes) -> tuple[int, int]:
    milliseconds, _, number = entry_id.partition(b"-")
    return int(milliseconds), int(number)


def _entries(reply: Any) -> Iterator[tuple[bytes, dict[bytes, bytes]]]:
    streams = reply.values() if isinstance(reply, dict) else [rows for _, rows in reply or ()]
    for entries in streams:
        yield from entries
