"""Shapes that results of every kind share; it knows none of the kinds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

import msgspec

#: No figure of a result is larger. Readers refuse larger ones, which could not be drawn.
LARGEST: Final = 10**15

Number = Annotated[float, msgspec.Meta(ge=-LARGEST, le=LARGEST)]
Whole = Annotated[int, msgspec.Meta(ge=-LARGEST, le=LARGEST)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One task on one slot, in seconds since the start of its repeat or scene."""

    slot: str  # "4711" (process), "4711/4713" (thread), "4711#3" (greenlet)
    started_s: Number
    finished_s: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """The versions of all software that took part."""

    poolwise: str
    celery: str
    kombu: str
    redis_py: str
    gevent: str
    python: str
    broker: str  # "valkey 9.1.2 (embedded)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """The machine that the run was started on."""

    name: str
    platform: str
    cores: Whole  # usable by this process
    memory_bytes: Whole
