"""The shape of an observation; it must not know how it was made or is shown."""

from __future__ import annotations

from dataclasses import dataclass

from lab.results.common import Number, Whole
from lab.results.files import result_kind
from producer.observation.finding import Finding

#: Increased by one whenever code that reads the old shape would misread the new one.
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFigures:
    """What was seen of one task on all workers. None: the sources cannot tell."""

    task: str
    ended: Whole  # attempts that ended; without records and events, those that started
    rate_per_s: Number
    run_p50_s: Number | None  # from start to end
    run_p95_s: Number | None
    queued_p50_s: Number | None  # from the moment it was due or sent until a worker received it
    queued_p95_s: Number | None
    held_p50_s: Number | None  # from then, or from its ETA if that is later, until it started
    held_p95_s: Number | None
    failures: Whole | None
    retries: Whole | None
    redeliveries: Whole | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerFigures:
    """What was seen of one worker. None: the source cannot tell."""

    node: str
    pool: str
    slots: Whole
    source: str  # "probe", "events" or "inspection"
    queues: tuple[str, ...]
    busy_slots: Number | None  # on average
    cores: Number | None  # CPU seconds per second of its process tree
    memory_bytes: Whole | None
    memory_growth_bytes: Whole | None  # from the first to the last sample
    most_waiting: Whole | None  # messages fetched and not started
    held_idle_s: Number | None  # how long it held some while another worker of its queues was idle

    @property
    def busy_share(self) -> float | None:
        """The share of its slots that were busy, 0 to 1."""
        return None if self.busy_slots is None or not self.slots else self.busy_slots / self.slots

    @property
    def cpu_share(self) -> float | None:
        """CPU seconds per second of a busy slot; None if hardly a slot was busy."""
        if self.cores is None or self.busy_slots is None or self.busy_slots < 0.05:
            return None
        return self.cores / self.busy_slots


@result_kind("observation", schema_version=SCHEMA_VERSION)
@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationResult:
    """Everything that `poolwise observe` found out."""

    schema_version: int
    kind: str  # "observation"
    started_at: str
    asked_s: Number
    span_s: Number  # how long the workers were observed
    broker: str  # without a password
    tasks: tuple[TaskFigures, ...]
    workers: tuple[WorkerFigures, ...]
    findings: tuple[Finding, ...]  # the most useful first
    notes: tuple[str, ...]  # what the sources could not tell
    interrupted: bool = False
