"""The shape of a stored step of the history, and the one check against it; it knows no Redis.

Anyone who can write to the broker can write a step, so nothing in it is trusted. A step that does
not fit is unreadable as a whole.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from monitor.history import histogram
from monitor.history.latency_start import ORIGINS
from monitor.history.tiers import COARSE
from producer.entry import Gauge, Name

#: Version of the format; a step of another version is skipped.
VERSION: Final = 1
#: The longest step that is written or read, in bytes. With this, an hour takes at most 24 MB.
MAX_BYTES: Final = 32_000

#: The highest count of a step: the counts of as many series as fit into one add up in 32 bits.
MAX_COUNT: Final = 2_000_000

Count = Annotated[int, Meta(ge=0, le=MAX_COUNT)]
BucketCount = Annotated[int, Meta(ge=1, le=int(histogram.FULL))]
Bucket = Annotated[int, Meta(ge=0, lt=histogram.BUCKETS)]
Level = Annotated[float, Meta(ge=0, le=1e15)]
#: The position of an entry in the record stream: milliseconds since 1970, and a number.
EntryId = tuple[
    Annotated[int, Meta(ge=0, le=10**18)],
    Annotated[int, Meta(ge=0, le=10**18)],
]


class UnreadableStepError(ValueError):
    """Raised if a value does not have the shape of a step."""


class StoredSeries(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What finished of one task on one worker."""

    pool: Name
    node: Name
    task: Name
    finished: Count
    failed: Count
    origins: Annotated[tuple[Count, ...], Meta(min_length=len(ORIGINS), max_length=len(ORIGINS))]
    latencies: Annotated[tuple[tuple[Bucket, BucketCount], ...], Meta(max_length=histogram.BUCKETS)]


class StoredStop(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The last report of a worker that has stopped."""

    after_s: Annotated[float, Meta(ge=0, lt=COARSE.step_s)]  # since the beginning of the step
    gauge: Gauge


class StoredWorker(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The average gauges of one worker."""

    pool: Name
    node: Name
    probed: bool
    busy: Annotated[float, Meta(ge=0, le=1e6)] | None
    slots: Annotated[float, Meta(ge=0, le=1e6)] | None
    cpu_percent: Level | None
    memory_bytes: Level | None
    stop: StoredStop | None = None  # None: in this step, it did not stop


class StoredStep(Struct, frozen=True, kw_only=True):
    """Everything that is kept of one coarse step."""

    v: int = VERSION
    at_s: Annotated[int, Meta(ge=0, le=2**53)]  # its first second
    through: EntryId  # the records up to this entry are counted
    series: list[StoredSeries] = []
    workers: list[StoredWorker] = []
    queues: list[tuple[Name, Level]] = []
    watched: bool = True  # False: Flower was not running, so no queue was measured


_STEP: Final = msgspec.json.Decoder(StoredStep)
#: What decoding raises: a wrong shape or no JSON, bytes that are no UTF-8, and deep nesting.
_MISFITS: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)


def encode(step: StoredStep) -> bytes:
    """Return a step as JSON."""
    return msgspec.json.encode(step)


def decode(body: bytes, at_s: int) -> StoredStep:
    """Return the step that begins at `at_s`. Raises UnreadableStepError."""
    if len(body) > MAX_BYTES:
        raise UnreadableStepError(f"it has more than {MAX_BYTES:,} bytes")
    try:
        step = _STEP.decode(body)
    except _MISFITS as error:
        raise UnreadableStepError(str(error)) from None
    if step.v != VERSION:
        raise UnreadableStepError(f"it does not have version {VERSION}")
    if step.at_s != at_s:
        raise UnreadableStepError("it belongs to another time")
    if any(one.failed > one.finished for one in step.series):
        raise UnreadableStepError("more tasks failed than finished")
    return step
