"""What every lesson of a run uses, and what it may ask to be started for it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec

from celery import Celery
from kombu import Connection

from cluster.found import Asking
from cluster.local import LocalCluster
from cluster.machine import Machine
from lab.learn.engine.events import LessonEvents
from lab.session.interpreter import Interpreter
from tasks.errors import UsageError
from worker.pools import Pool
from worker.probe import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRequest:
    """A worker that a lesson has started for itself, on this machine."""

    name: str
    pool: str
    slots: int
    flags: Sequence[str] = ()  # further flags of `celery worker`
    env: Mapping[str, str] = field(default_factory=dict)
    python: str = sys.executable


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What every lesson of a run uses."""

    app: Celery
    cluster: LocalCluster
    asking: Asking
    connection: Connection
    clock: Clock
    machine: Machine
    events: LessonEvents
    python: Interpreter | None  # without the GIL, where one was named and a lesson is for it


def require(pool: Pool, otherwise: str = "") -> None:
    """Raise UsageError where a pool's worker cannot run here for want of a module."""
    if pool.needs_module and find_spec(pool.needs_module) is None:
        raise UsageError(
            f"a {pool.name} worker needs {pool.needs_module}, which is not installed here: "
            f"pip install {pool.needs_module}{otherwise}"
        )
