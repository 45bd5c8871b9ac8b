"""The result of a race: its shape. It must not know how a race is run, written or shown."""

from __future__ import annotations

from dataclasses import dataclass

from lab.results.common import Host, Span, Versions

#: Raised by one whenever a reader of the old shape would misread the new one.
SCHEMA_VERSION = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where every submitted task ended; the first equals the sum of the next five."""

    submitted: int
    finished: int
    failed: int
    lost: int  # taken from the queue, and no record says that it ended
    timed_out: int  # still under way on a living worker when the run's time was up
    unserved: int  # still waiting in the queue when the run ended
    duplicated: int  # ran to its end more than once; not part of the sum
    lost_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """One measured run of one workload on one pool."""

    makespan_s: float  # first due instant to last finish
    throughput_per_s: float
    latencies_s: tuple[float, ...]  # due to finished, one per finished task, in order of finish
    finished_at_s: tuple[float, ...]  # since the first due instant, ascending
    service_s: tuple[float, ...]  # started to finished, one per finished task
    spans: tuple[Span, ...]  # which slot ran what, when
    cpu_s: float | None  # user + system of the worker's processes; None: not ours to see
    peak_pss_bytes: int | None
    submit_s: float  # from the first due instant until the last message was handed to the broker
    worst_slip_s: float  # how late the latest message was sent, against its due instant
    account: Account
    worker_died: str = ""  # how, in a few words, when the worker did not survive the repeat
    others: int = 0  # tasks of other runs that ended on this worker meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A median of the repeats, with the least and greatest beside it."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSummary:
    """What one pool did with one workload, over all repeats."""

    makespan_s: Interval
    throughput_per_s: Interval
    latency_p50_s: float  # percentiles of the pooled raw samples
    latency_p95_s: float
    latency_p99_s: float
    cpu_s_per_task: float | None  # None: the worker's processes could not be seen
    peak_pss_bytes: int | None  # greatest of the repeats
    of_ideal: float  # ideal makespan / median makespan
    account: Account  # summed over the repeats


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolResult:
    """One pool in one workload: what was measured, and its summary."""

    pool: str
    concurrency: int
    slot: str  # what one slot is: process, thread, greenlet, the worker itself
    ideal_makespan_s: float
    start_up_s: float | None  # from the command line to a worker that consumes; None: ran before
    repeats: tuple[Repeat, ...]
    summary: PoolSummary | None  # None where no repeat finished a single task
    remarks: tuple[str, ...] = ()  # why it is far from the ideal, what died, what is not ranked


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Which pool won, and whether that is more than noise."""

    winner: str | None  # None: no difference measured
    runner_up: str | None
    ratio: float | None  # runner-up's median makespan / the winner's
    noise: float | None  # smallest ratio that could have been told from noise
    sentence: str  # for people: who, by how much, why


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadResult:
    """One workload on every pool."""

    name: str  # burn, digest, sleep, fetch, mixed
    title: str  # "CPU-bound, holds the GIL"
    nature: str  # cpu, io, mixed
    task: str  # the Celery task's name
    task_label: str  # "cpu.burn, 40 tasks of 100 ms"
    tasks_per_repeat: int
    bare_wall_s: float  # one task body measured in-process
    bare_cpu_s: float
    pools: tuple[PoolResult, ...]
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What was asked for."""

    seed: int
    repeats: int
    quick: bool
    with_results: bool
    with_events: bool
    broker: str  # redacted
    command: str  # a command line that asks for the same again
    workers: tuple[str, ...] = ()  # that ran before the race; empty: it started its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How much work makes a millisecond of CPU on this machine."""

    burn_iterations_per_ms: float
    digest_rounds_per_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RaceResult:
    """A whole race."""

    schema_version: int
    kind: str  # "race"
    run_id: str
    started_at: str  # ISO 8601, UTC
    elapsed_s: float
    versions: Versions
    host: Host
    settings: Settings
    calibration: Calibration
    clock_error_s: float  # bound of the disagreement between any two clocks of the run
    workloads: tuple[WorkloadResult, ...]
    interrupted: bool = False
