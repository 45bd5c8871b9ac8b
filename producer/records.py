"""Reads the probe's records from their stream; it knows nothing of what was submitted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

import msgspec
import redis

from worker.probe import HEADER_KEYS, ROW, STREAM, VERSION, Clock, records_url

# The address is passed on to those who may not know the worker.
__all__ = ["FAILURES", "KINDS", "Batch", "Clock", "Gauge", "Record", "RecordReader", "parse"]
__all__ += ["records_url"]

#: Entries fetched at once.
ENTRIES_PER_READ = 200
#: Kinds of entries that are known; what a later probe adds is skipped.
KINDS = frozenset({"ready", "rows", "gauge", "stopped"})
#: Outcomes after which Celery considers the task done, though it is no success.
FAILURES = frozenset({"failed", "time-limit", "revoked", "rejected", "ignored"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One attempt at a task; instants in seconds since 1970 by the records' clock."""

    run: str | None  # None: not one of ours
    task_id: str
    task: str
    node: str
    pool: str
    slot: str | None  # None: never reached a slot
    due: float | None
    sent: float | None
    received: float
    started: float | None
    finished: float
    outcome: (
        str  # succeeded, failed, time-limit, revoked; or: retried, rejected, slot-lost, ignored
    )
    redelivered: bool
    runtime: float | None  # by Celery's own measure, seconds

    @property
    def is_end(self) -> bool:
        """Whether the task is done with this attempt."""
        return self.outcome == "succeeded" or self.outcome in FAILURES


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """What a worker was doing when it wrote it."""

    up_s: float  # since it was ready
    slots: int
    busy: int
    queues: tuple[str, ...]
    cpu_s: float | None  # of its process tree since its start; None: not known there
    memory_bytes: int | None
    memory: str | None  # "pss": shared pages count once; "rss": in each process


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One entry of the stream: what one worker wrote at once."""

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
    """Follows the stream from the moment of its making on, or from `back_s` seconds before it."""

    def __init__(self, server: redis.Redis, *, back_s: float = 0.0, tolerant: bool = False) -> None:
        """Raise redis.RedisError where `server` does not answer.

        A `tolerant` reader counts entries it cannot read; another raises ValueError for them.
        """
        self._server = server
        self._tolerant = tolerant
        self._last_id = _id_before(server, back_s) if back_s else _newest_id(server)
        self.unreadable = 0  # entries of another version, where they are tolerated
        self._last: dict[tuple[str, int], _Told] = {}  # by each worker, known by name and pid
        self.missed = 0  # entries or rows known to be lost on the way to us
        self.worst_error_s = 0.0  # of any worker's clock against the records' clock

    def read(self, timeout_s: float) -> list[Batch]:
        """Wait up to `timeout_s` for news, and return all that there is by then.

        Raises redis.RedisError where the server does not answer.
        """
        block_ms = max(1, round(timeout_s * 1_000))
        reply = self._server.xread({STREAM: self._last_id}, count=ENTRIES_PER_READ, block=block_ms)
        found = [self._batch(entry_id, fields) for entry_id, fields in _entries(reply)]
        return [batch for batch in found if batch is not None and batch.kind in KINDS]

    def resume(self) -> None:
        """Start over in a stream that was begun anew; to be called after the server was away.

        Raises redis.RedisError where the server does not answer.
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
        return self._without_what_was_told(batch)

    def _without_what_was_told(self, batch: Batch) -> Batch:
        """Count a gap before an entry, and take out the rows that one of its number has told.

        A worker that did not hear that an entry was written sends its rows again: they come first,
        but for those that it dropped meanwhile.
        """
        sender, rows = (batch.node, batch.pid), len(batch.records)
        last, told = self._last.get(sender), 0
        if last is not None and batch.kind != "ready":  # else a worker of its own, whatever its pid
            self.missed += max(0, batch.seq - last.seq - 1)
            if batch.seq == last.seq:
                told = max(0, last.rows - (batch.dropped - last.dropped))
        self._last[sender] = _Told(batch.seq, batch.dropped, max(told, rows))
        return replace(batch, records=batch.records[told:]) if told else batch


class _Told(NamedTuple):
    """What is kept of a worker's last entry."""

    seq: int
    dropped: int
    rows: int


def parse(body: bytes, *, written: float = 0.0) -> Batch:
    """Return one entry's content; `written` is when it entered the stream.

    Raises ValueError where the probe that wrote it is of another version.
    """
    entry = msgspec.json.decode(body)
    if entry["v"] != VERSION:
        raise ValueError(f"a record of version {entry['v']}, expected {VERSION}")
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


#: The values of a row that are whole microseconds, those of its header among them.
_MICROSECONDS = ("due", "sent", "received", "started", "finished", "runtime")
#: Of these the instants by the worker's own clock.
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
