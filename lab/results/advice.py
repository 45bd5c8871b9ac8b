"""The shape of advice on a task; it must not know how the advice was found or is shown."""

from __future__ import annotations

from dataclasses import dataclass

from lab.results.common import Host, Number, Versions, Whole
from lab.results.files import result_kind

#: Increased by one whenever code that reads the old shape would misread the new one.
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceSettings:
    """What was asked, and of which project."""

    app: str
    tasks: tuple[str, ...]
    calls: Whole  # distinct calls
    celery: str  # the project's own version
    python: str
    budget_s: Number
    memory_bytes: Whole | None  # the limit, if one was given
    slo_s: Number | None  # the longest run time that `slo_percentile` of the tasks may have
    slo_percentile: Number
    seed: Whole
    command: str  # that repeats it
    core_cost: Number | None = None  # prices, if some were given
    gb_cost: Number | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What single runs of the task show, one at a time in one process."""

    runs: Whole
    failed: Whole
    run_s: Number  # median
    fastest_s: Number
    slowest_s: Number
    cpu_s: Number  # CPU seconds per run
    worker_bytes: Whole  # an idle worker with one process
    slot_bytes: Whole  # what one running task adds
    sends: Number  # messages that one run sends to other queues
    #: Seconds per run in which it computed, or would have if other programs had left it a core; 0
    #: if the system does not say.
    ready_s: Number = 0.0
    process_bytes: Whole | None = None  # that process of the idle worker; None: not known

    @property
    def cpu_share(self) -> float:
        """The share of the run time in which the task computes, 0 to 1."""
        return min(1.0, self.cpu_s / self.run_s) if self.run_s else 1.0

    @property
    def ready_share(self) -> float:
        """The share of the run time in which it computes or is ready to, 0 to 1."""
        return min(1.0, max(self.cpu_s, self.ready_s) / self.run_s) if self.run_s else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One measurement of a candidate."""

    seconds: Number
    rate_per_s: Number
    p50_s: Number  # run time, from start to end
    p95_s: Number
    objective_s: Number  # at the percentile of the objective (--slo), or the 95th without one
    busy: Number  # share of the slots that were in use
    cpu_s_per_task: Number
    cores: Number  # CPU seconds per second, of all processes
    peak_pss_bytes: Whole
    failed: Whole
    died: str = ""
    probe_errors: Whole = 0  # errors in the probes of its workers
    rate_per_cost: Number | None = None  # throughput per unit of cost, with prices (--cost)
    #: Share of the machine's CPU time that programs outside the run used; None: not known.
    others_cpu_share: Number | None = None

    @property
    def score(self) -> float:
        """What candidates are compared by: the throughput, or that per unit of cost."""
        return self.rate_per_s if self.rate_per_cost is None else self.rate_per_cost


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateResult:
    """A pool with a number of slots, and what was measured of it."""

    pool: str
    concurrency: Whole  # of each worker
    workers: Whole
    trials: tuple[Trial, ...]
    rejected: str = ""  # why it cannot be recommended; empty if it can
    #: Further flags of its workers; only what the user runs today has some, and only to compare.
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MixedTask:
    """A task of a mix."""

    name: str
    weight: Whole  # how often it occurs in one whole mix
    queue: str  # that of its group, if the mix is split
    profile: Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerGroup:
    """Identical workers that run some tasks of a mix."""

    queue: str
    tasks: tuple[str, ...]
    pool: str
    concurrency: Whole  # of each worker
    workers: Whole
    command: str
    peak_pss_bytes: Whole


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitResult:
    """Two groups that share the machine, and what was measured of them on the whole mix."""

    groups: tuple[WorkerGroup, ...]
    trials: tuple[Trial, ...]
    rejected: str = ""  # why it cannot be recommended; empty if it can


@dataclass(frozen=True, slots=True, kw_only=True)
class MixResult:
    """A mix of tasks, and the ways to split it. Throughputs count whole mixes, in tasks."""

    size: Whole  # tasks in one whole mix
    tasks: tuple[MixedTask, ...]
    splits: tuple[SplitResult, ...]
    why_no_split: str = ""  # empty if it was tried


@dataclass(frozen=True, slots=True, kw_only=True)
class Caveat:
    """Something that would go wrong with a pool, or in general; with the evidence."""

    pool: str  # empty: any pool
    name: str  # "blocks-gevent", "unsafe-in-threads", "memory-limit", ...
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """What the user runs today, against the answer."""

    pool: str
    concurrency: Whole
    ratio: Number | None  # throughput of the answer, against it; None if it could not be measured
    falls_short: bool  # beyond noise, and by more than the margin
    sentence: str
    flags: tuple[str, ...] = ()  # as in its candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What to deploy; with `groups`, the other fields are those of all groups together."""

    pool: str  # "split" with groups
    concurrency: Whole
    workers: Whole
    command: str  # one line for each group
    sentence: str  # why, and how sure that is
    confidence: str  # "high", "medium", "low"
    runner_up: str  # as a person names it; empty if there is none
    ratio: Number | None  # throughput, against the runner-up
    lose: tuple[str, ...]  # what switching to this pool would silently take away from the app
    groups: tuple[WorkerGroup, ...] = ()  # of a mix that is split


@result_kind("advice", schema_version=SCHEMA_VERSION)
@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceResult:
    """Everything that `poolwise advise` found out."""

    schema_version: int
    kind: str  # "advice"
    run_id: str
    started_at: str
    elapsed_s: Number
    versions: Versions
    host: Host
    settings: AdviceSettings
    profile: Profile
    candidates: tuple[CandidateResult, ...]
    warnings: tuple[Caveat, ...]
    answer: Answer | None  # None if no candidate can be recommended
    deployed: Deployed | None = None  # None if nothing was named
    mix: MixResult | None = None  # None for a single task
    interrupted: bool = False
