"""What every workload has, Poolwise's own and a project's: its traits, and the tasks to send."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from producer.plan import Plan, VariedPlan
from worker.pools import Nature


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What a verdict must know of the tasks of a workload."""

    name: str  # as in `--workloads NAME`
    title: str
    nature: Nature  # decides the default concurrency
    releases_gil: bool | None = False  # its computing leaves the GIL to others; None: unknown
    #: Why a pool wins (None: why there is no difference), by what interpreter and kernel do. The
    #: verdict on an outcome that is not listed says that the cause is not known.
    reasons: Mapping[str | None, str] = field(default_factory=dict)


class Workload(Protocol):
    """Tasks that are all due at once."""

    @property
    def kind(self) -> Traits:
        """What they are like."""

    @property
    def name(self) -> str:
        """The name in `--workloads NAME`."""

    @property
    def count(self) -> int:
        """How many there are."""

    @property
    def task(self) -> str:
        """The Celery name of the task, or of the tasks."""

    @property
    def label(self) -> str:
        """Which tasks, and how many: "cpu.burn, 40 tasks of 100 ms of CPU"."""

    @property
    def digest(self) -> str:
        """A hash of what the label leaves out, such as arguments; empty: nothing."""

    @property
    def tasks(self) -> str:
        """The same without the name: "40 tasks of 100 ms of CPU"."""

    def plan(self) -> Plan | VariedPlan:
        """Return the tasks of one repeat."""

    def warm_up_plan(self, slots: int) -> Plan | VariedPlan:
        """Return tasks that warm up so many slots."""
