"""The shape of an entry of the record stream, and the one check against it; it knows no Redis.

Anyone who can write to the broker can write an entry, so nothing in it is trusted. An entry that
does not fit is unreadable as a whole. A row that does not fit is unreadable alone: the other rows
of its entry belong to other tasks. Unknown keys are ignored, because a later probe may add some.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from worker.probe import VERSION

#: The longest entry that is decoded, in bytes; the probe's largest have less than 1 MB.
MAX_BYTES: Final = 8_000_000
#: The longest name, in characters: of a worker, a task, a queue, a run …
MAX_NAME: Final = 1_000
#: The most queues of one worker.
MAX_QUEUES: Final = 1_000

Name = Annotated[str, Meta(max_length=MAX_NAME)]
#: A number of things or bytes, small enough to be added up in 64 bits.
Count = Annotated[int, Meta(ge=0, le=10**15)]
#: A number of slots or of tasks in them.
Slots = Annotated[int, Meta(ge=0, le=10**6)]
#: Whole microseconds: a time of the next 30,000 years, or a duration.
Microseconds = Annotated[int, Meta(ge=0, le=10**18)]
Seconds = Annotated[float, Meta(ge=0, le=1e12)]
Percent = Annotated[float, Meta(ge=0, le=100)]
#: The difference between two clocks; negative if the server's was never set.
Offset = Annotated[float, Meta(ge=-1e12, le=1e12)]


class UnreadableEntryError(ValueError):
    """Raised if an entry does not have the shape of an entry; the text quotes nothing of it."""


class Header(Struct, frozen=True):
    """The `poolwise` header of a task's message."""

    run: Name | None = None
    due: Microseconds | None = None
    sent: Microseconds | None = None


class Row(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One attempt at a task; the fields are those of `worker.probe.ROW`, in its order."""

    header: Header | None
    task_id: Name
    task: Name
    slot: Name | None
    received: Microseconds
    started: Microseconds | None
    finished: Microseconds
    outcome: Name
    redelivered: bool | None
    runtime: Microseconds | None


class Gauge(Struct, frozen=True, kw_only=True):
    """A worker's state when it wrote the entry."""

    up_s: Seconds  # since it was ready
    slots: Slots
    busy: Slots
    queues: Annotated[tuple[Name, ...], Meta(max_length=MAX_QUEUES)]
    cpu_s: Seconds | None  # of its process tree since its start; None: unknown
    memory_bytes: Count | None
    memory: Name | None  # "pss": shared pages count once; "rss": they count in each process
    # None: unknown, or written by an older probe
    held: Slots | None = None  # messages fetched whose task has not ended, running ones included
    fetching: bool | None = None  # whether it asks the broker for more messages
    main_cpu_s: Seconds | None = None  # of its main process alone
    machine_percent: Percent | None = None  # CPU of the whole machine since the last gauge


class _Frame(Struct, frozen=True, kw_only=True):
    """Everything in an entry except its rows."""

    v: int
    kind: Name
    node: Name
    pool: Name
    slots: Slots
    pid: Count
    seq: Count
    dropped: Count
    error_s: Seconds
    offset_s: Offset
    errors: Count = 0  # in the probe itself
    gauge: Gauge | None = None


class Entry(_Frame, frozen=True, kw_only=True):
    """One entry of the stream; a row is None if it could not be read."""

    rows: list[Row | None]


class _RawEntry(_Frame, frozen=True, kw_only=True):
    """An entry whose rows have not been looked at."""

    rows: list[msgspec.Raw]


class _Version(Struct, frozen=True):
    v: int


_ENTRY: Final = msgspec.json.Decoder(Entry)
_RAW_ENTRY: Final = msgspec.json.Decoder(_RawEntry)
_ROW: Final = msgspec.json.Decoder(Row)
_VERSION: Final = msgspec.json.Decoder(_Version)
#: What decoding raises: a wrong shape or no JSON, bytes that are no UTF-8, and deep nesting.
_MISFITS: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)


def read_entry(body: bytes) -> Entry:
    """Return the content of an entry. Raises UnreadableEntryError."""
    if len(body) > MAX_BYTES:
        raise UnreadableEntryError(f"it has {len(body):,} bytes, expected {MAX_BYTES:,} at most")
    try:
        entry = _ENTRY.decode(body)
    except _MISFITS:
        entry = _row_by_row(body)
    if entry.v != VERSION:
        raise _wrong_version(entry.v)
    return entry


def _row_by_row(body: bytes) -> Entry:
    """Read an entry that has at least one unreadable row."""
    try:
        raw = _RAW_ENTRY.decode(body)
    except _MISFITS as error:
        raise _reason(body, error) from None
    frame = {name: getattr(raw, name) for name in _Frame.__struct_fields__}
    return Entry(**frame, rows=[_row(row) for row in raw.rows])


def _row(raw: msgspec.Raw) -> Row | None:
    try:
        return _ROW.decode(raw)
    except _MISFITS:
        return None


def _reason(body: bytes, error: Exception) -> UnreadableEntryError:
    """Return the reason why an entry is unreadable: its version, if that is another."""
    try:
        version = _VERSION.decode(body).v
    except _MISFITS:
        version = VERSION
    return UnreadableEntryError(str(error)) if version == VERSION else _wrong_version(version)


def _wrong_version(version: int) -> UnreadableEntryError:
    found = version if abs(version) < 10**6 else "another"
    return UnreadableEntryError(f"it has version {found}, expected version {VERSION}")
