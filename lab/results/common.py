"""Shapes that results of every kind share; it knows none of the kinds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One task on one slot, in seconds since the start of its repeat or scene."""

    slot: str  # "4711" (process), "4711/4713" (thread), "4711#3" (greenlet)
    started_s: float
    finished_s: float


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
    cores: int  # usable by this process
    memory_bytes: int
