"""Reads the probe's records from their stream; it knows nothing of what was submitted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import msgspec
import redis

from worker.probe import ROW, STREAM, VERSION

#: Entries fetched at once.
ENTRIES_PER_READ = 200


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One entry of the stream: what one worker wrote at once."""

    kind: str  # ready, rows, stopped
    node: str
    pool: str
    slots: int
    pid: int
    seq: int
    dropped: int
    error_s: float
    records: tuple[Record, ...]


class RecordReader:
    """Follows the stream from the moment of its making on."""

    def __init__(self, server: redis.Redis) -> None:
        """Raise redis.RedisError where `server` does not answer."""
        self._server = server
        self._last_id = _newest_id(server)
        self._next_seq: dict[tuple[str, int], int] = {}
        self.missed = 0  # entries or rows known to be lost on the way to us
        self.worst_error_s = 0.0  # of any worker's clock against the records' clock

    def read(self, timeout_s: float) -> list[Batch]:
        """Wait up to `timeout_s` for news, and return all that there is by then.

        Raises redis.RedisError where the server does not answer.
        """
        block_ms = max(1, round(timeout_s * 1_000))
        reply = self._server.xread({STREAM: self._last_id}, count=ENTRIES_PER_READ, block=block_ms)
        return [self._batch(entry_id, fields) for entry_id, fields in _entries(reply)]

    def _batch(self, entry_id: bytes, fields: dict[bytes, bytes]) -> Batch:
        self._last_id = entry_id
        batch = parse(fields[b"b"])
        self._note_gap(batch)
        self.worst_error_s = max(self.worst_error_s, batch.error_s)
        return batch

    def _note_gap(self, batch: Batch) -> None:
        sender = (batch.node, batch.pid)
        expected = self._next_seq.get(sender, batch.seq)
        self.missed += max(0, batch.seq - expected)
        self._next_seq[sender] = batch.seq + 1


def parse(body: bytes) -> Batch:
    """Return one entry's content.

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
        records=tuple(
            Record(node=node, pool=pool, **dict(zip(ROW, row, strict=True)))
            for row in entry["rows"]
        ),
    )


def _newest_id(server: redis.Redis) -> bytes:
    newest = cast(list[tuple[bytes, Any]], server.xrevrange(STREAM, count=1))
    return newest[0][0] if newest else b"0-0"


def _entries(reply: Any) -> Iterator[tuple[bytes, dict[bytes, bytes]]]:
    streams = reply.values() if isinstance(reply, dict) else [rows for _, rows in reply or ()]
    for entries in streams:
        yield from entries
