"""The shape of a race's result; it must not know how a race is run, written or shown."""

from __future__ import annotations

from dataclasses import dataclass

from lab.results.common import Host, Number, Span, Versions, Whole
from lab.results.files import result_kind

#: Increased by one whenever code that reads the old shape would misread the new one.
SCHEMA_VERSION = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """How every submitted task ended; `submitted` is the sum of the next five."""

    submitted: Whole
    finished: Whole
    failed: Whole
    lost: Whole  # taken from the queue, and no record of its end
    timed_out: Whole  # still running on a live worker when the run timed out
    unserved: Whole  # still in the queue when the run ended
    duplicated: Whole  # completed more than once; not part of the sum
    lost_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """One measured run of one workload on one pool."""

    makespan_s: Number  # first due instant to last finish
    throughput_per_s: Number
    latencies_s: tuple[Number, ...]  # due to finished, one per finished task, in finish order
    finished_at_s: tuple[Number, ...]  # since the first due instant, ascending
    service_s: tuple[Number, ...]  # started to finished, one per finished task
    spans: tuple[Span, ...]  # which slot ran what, when
    cpu_s: Number | None  # user + system of the worker's processes; None: not visible from here
    peak_pss_bytes: Whole | None
    submit_s: Number  # from the first due instant until the last message was handed to the broker
    worst_slip_s: Number  # how late the latest message was sent, against its due instant
    account: Account
    clock_moved_s: Number = 0.0  # if not 0, the records' clock was set by this; no times are known
    worker_died: str = ""  # how, in a few words, if the worker died during the repeat
    others: Whole = 0  # other clients' tasks that ended on this worker during the repeat
    others_slot_share: Number = 0.0  # share of the slots' time that these tasks took
    #: Shares of the machine's CPU time, over all cores: used by processes that are not part of the
    #: race, and given to other virtual machines. None: not measured.
    others_cpu_share: Number | None = None
    stolen_cpu_share: Number | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """The median of the repeats, with their minimum and maximum."""

    median: Number
    low: Number
    high: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSummary:
    """The figures of one pool on one workload, over all repeats."""

    makespan_s: Interval
    throughput_per_s: Interval
    latency_p50_s: Number  # percentiles of the pooled raw samples
    latency_p95_s: Number
    latency_p99_s: Number
    cpu_s_per_task: Number | None  # None: the worker's processes are not visible from here
    peak_pss_bytes: Whole | None  # maximum of the repeats
    of_ideal: Number | None  # ideal makespan / median makespan; None: the ideal is unknown
    account: Account  # summed over the repeats


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolResult:
    """What was measured of one pool on one workload."""

    pool: str
    concurrency: Whole
    slot: str  # what one slot is: process, thread, greenlet, the worker itself
    ideal_makespan_s: Number | None  # None: it cannot be calculated
    start_up_s: Number | None  # from launch to consuming; None: it was already running
    repeats: tuple[Repeat, ...]
    summary: PoolSummary | None  # None: no repeat was complete
    transport: str = ""  # how its worker talks to Redis: stock or lease; empty: not recorded
    remarks: tuple[str, ...] = ()  # why it is far from ideal, what died, what is not ranked


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Which pool won, if the difference is larger than noise.

    With several transports, each has a verdict, and a summary of them has no `transport`.
    """

    winner: str | None  # None: no difference measured
    runner_up: str | None
    ratio: Number | None  # runner-up's median makespan / the winner's
    noise: Number | None  # smallest ratio that counts as more than noise
    sentence: str  # for people: who, by how much, why
    reliable: bool = True  # False: others used so much of the machine that they may be the cause
    transport: str = ""  # the one of all pools that are compared; empty: see above


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportEffect:
    """What a transport changes for one pool: its figures, divided by those of another transport."""

    pool: str
    concurrency: Whole
    transport: str
    baseline: str  # the other transport
    #: faster, slower, the same, not reliable (others used so much of the machine that they may be
    #: the cause), or not comparable (one of both could not be ranked).
    change: str
    makespan_ratio: Number | None  # of the medians; None: not comparable
    makespan_low: Number | None  # 95 % bootstrap interval of the ratio; None: a single repeat
    makespan_high: Number | None
    cpu_ratio: Number | None  # of the CPU time per task; None: it is not known


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadResult:
    """One workload on every pool."""

    name: str  # as in `--workloads NAME`
    title: str  # "CPU-bound, holds the GIL"
    nature: str  # cpu, io, mixed
    task: str  # the Celery task's name
    task_label: str  # "cpu.burn, 40 tasks of 100 ms"
    tasks_per_repeat: Whole
    bare_wall_s: Number  # one task alone: its body in-process, or a task of a project in a worker
    bare_cpu_s: Number
    pools: tuple[PoolResult, ...]  # each once for every transport
    verdict: Verdict
    verdicts: tuple[Verdict, ...] = ()  # with several transports, the verdict on each
    effects: tuple[TransportEffect, ...] = ()  # with several transports, for each pool
    digest: str = ""  # of what `task_label` leaves out, such as arguments; empty: nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the user asked for."""

    seed: int
    repeats: Whole
    quick: bool
    with_results: bool
    with_events: bool
    broker: str  # redacted
    command: str  # a command line that repeats the race
    name: str = ""  # what the user calls the race; empty: nothing
    workers: tuple[str, ...] = ()  # borrowed workers; empty: the race started its own
    load_paused: bool = False  # whether the race paused the light load of `python -m producer`
    app: str = ""  # the user's own Celery app; empty: the tasks are Poolwise's
    transports: tuple[str, ...] = ()  # of the workers; empty: not recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How much work takes a millisecond of CPU on this machine."""

    burn_iterations_per_ms: Number
    digest_rounds_per_ms: Number


@result_kind("race", schema_version=SCHEMA_VERSION)
@dataclass(frozen=True, slots=True, kw_only=True)
class RaceResult:
    """A whole race."""

    schema_version: int
    kind: str  # "race"
    run_id: str
    started_at: str  # ISO 8601, UTC
    elapsed_s: Number
    versions: Versions
    host: Host
    settings: Settings
    calibration: Calibration
    clock_error_s: Number  # upper bound of the difference between any two clocks of the run
    workloads: tuple[WorkloadResult, ...]
    interrupted: bool = False
