"""The one table of workloads: which task, how many, what they are meant to show.

Pure data: it knows neither broker nor clock; the machine's speed is passed in. A new workload is
one row here, with its task in `tasks/`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from celery import Task

from cluster.ports import LOOPBACK
from lab.measure.scale import Scale
from lab.measure.traits import Traits
from lab.results.race import Calibration
from producer.plan import Plan, Work, burst
from tasks.cpu import burn, digest
from tasks.io import fetch, sleep
from tasks.mixed import work

#: What one mixed task does.
MIXED_CPU_MS, MIXED_WAIT_MS = 5, 195


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizing:
    """What the arguments of a task follow from."""

    scale: Scale
    speed: Calibration
    delay_port: int  # of the delay server on loopback; 0: it does not run


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadKind(Traits):
    """One row of the table: identical tasks of one kind."""

    task: Task[Any, Any]
    size: Callable[[Scale], str]  # of one task, for people: "100 ms of CPU"
    count: Callable[[Scale], int]
    arguments: Callable[[Sizing], tuple[Any, ...]]
    warm_up: Callable[[Sizing], tuple[Any, ...]]  # arguments of the quickest possible task
    in_default: bool = True  # runs if the user names no workload
    in_quick: bool = True  # the same, with --quick
    needs_delay_server: bool = False  # asks the server that the race starts on loopback
    #: What runs in its place by default on borrowed workers, which may be on another machine.
    instead_on_borrowed: str = ""

    def sized(self, sizing: Sizing) -> IdenticalTasks:
        """Return the tasks for a race of this scale on a machine of this speed."""
        return IdenticalTasks(
            kind=self,
            size=self.size(sizing.scale),
            count=self.count(sizing.scale),
            work=Work(task=self.task.name, args=self.arguments(sizing)),
            warm_up=Work(task=self.task.name, args=self.warm_up(sizing)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class IdenticalTasks:
    """A workload of identical tasks, with smaller ones to warm up."""

    kind: Traits
    size: str
    count: int
    work: Work
    warm_up: Work

    @property
    def name(self) -> str:
        """The name in `--workloads NAME`."""
        return self.kind.name

    @property
    def task(self) -> str:
        """The Celery name of the task."""
        return self.work.task

    @property
    def tasks(self) -> str:
        """How many tasks there are, and what each does: "40 tasks of 100 ms of CPU"."""
        return f"{self.count} tasks of {self.size}"

    @property
    def label(self) -> str:
        """The same with the name: "cpu.burn, 40 tasks of 100 ms of CPU"."""
        return f"{self.task}, {self.tasks}"

    @property
    def digest(self) -> str:
        """The label leaves nothing out."""
        return ""

    def plan(self) -> Plan:
        """Return the tasks of one repeat."""
        return burst(self.work, self.count)

    def warm_up_plan(self, slots: int) -> Plan:
        """Return tasks that warm up so many slots, with some to spare."""
        return burst(self.warm_up, 2 * slots)


_BURN: Final = WorkloadKind(
    name="burn",
    title="CPU-bound, holds the GIL",
    nature="cpu",
    task=burn,
    size=lambda scale: f"{scale.burn_ms:g} ms of CPU",
    count=lambda scale: scale.burns,
    arguments=lambda at: (round(at.scale.burn_ms * at.speed.burn_iterations_per_ms),),
    warm_up=lambda _: (1,),
    reasons={
        "prefork": "Python bytecode holds the GIL, so threads and greenlets share one core, "
        "while processes use every core",
    },
)

_DIGEST: Final = WorkloadKind(
    name="digest",
    title="CPU-bound, releases the GIL",
    nature="cpu",
    task=digest,
    size=lambda scale: f"{scale.burn_ms:g} ms of CPU",
    count=lambda scale: scale.burns,
    arguments=lambda at: (round(at.scale.burn_ms * at.speed.digest_rounds_per_ms),),
    warm_up=lambda _: (1,),
    releases_gil=True,
    in_quick=False,
    reasons={
        None: "OpenSSL releases the GIL while it computes, so threads use every core too",
        "prefork": (
            "each process has its own GIL, while threads share one, which they need whenever one "
            "task ends and the next starts"
        ),
        "threads": "OpenSSL releases the GIL while it computes, and threads need no pipe to a "
        "child process",
    },
)

_WAITING_REASONS: Final[Mapping[str | None, str]] = {
    None: "waiting needs no core, so all slots wait at the same time",
}

_SLEEP: Final = WorkloadKind(
    name="sleep",
    title="IO-bound, waits for a timer",
    nature="io",
    task=sleep,
    size=lambda scale: f"{scale.wait_ms / 1_000:g} s of waiting",
    count=lambda scale: scale.waiting_count(scale.waits, scale.wait_ms / 1_000),
    arguments=lambda at: (at.scale.wait_ms / 1_000,),
    warm_up=lambda _: (0.01,),
    in_default=False,
    reasons=_WAITING_REASONS,
)

_FETCH: Final = WorkloadKind(
    name="fetch",
    title="IO-bound, waits for a server",
    nature="io",
    task=fetch,
    size=lambda scale: f"{scale.wait_ms / 1_000:g} s of waiting",
    count=lambda scale: scale.waiting_count(scale.waits, scale.wait_ms / 1_000),
    arguments=lambda at: (LOOPBACK, at.delay_port, at.scale.wait_ms),
    warm_up=lambda at: (LOOPBACK, at.delay_port, 10),
    needs_delay_server=True,
    instead_on_borrowed="sleep",
    reasons=_WAITING_REASONS,
)

_MIXED: Final = WorkloadKind(
    name="mixed",
    title="Mixed, computes and then waits",
    nature="mixed",
    task=work,
    size=lambda _: f"{MIXED_CPU_MS} ms of CPU and {MIXED_WAIT_MS} ms of waiting",
    count=lambda scale: scale.waiting_count(scale.mixed, (MIXED_CPU_MS + MIXED_WAIT_MS) / 1_000),
    arguments=lambda at: (MIXED_CPU_MS, MIXED_WAIT_MS, at.speed.burn_iterations_per_ms),
    warm_up=lambda _: (0, 10),
    reasons={
        "prefork": "its processes compute on every core and wait at the same time",
        None: "the tasks compute too little for a second core to matter",
    },
)

#: Every workload by name, in the order in which they run.
WORKLOADS: Mapping[str, WorkloadKind] = MappingProxyType(
    {kind.name: kind for kind in (_BURN, _DIGEST, _SLEEP, _FETCH, _MIXED)}
)
