"""A plausible race with computed numbers, for tests of how results are shown."""

from __future__ import annotations

import heapq
import random
import statistics
from dataclasses import dataclass, replace

from lab.results.common import Span
from lab.results.race import (
    Account,
    Calibration,
    Interval,
    PoolResult,
    PoolSummary,
    RaceResult,
    Repeat,
    Settings,
    Verdict,
    WorkloadResult,
)
from tests.unit.lab.on_what import HOST, VERSIONS

#: The remark on a pool whose worker died.
DIED = "repeat 1 is not ranked, because the worker died (killed by SIGKILL)"


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedPool:
    """How a simulated pool behaves: `lanes` tasks run at once, each for `service_s`."""

    pool: str
    concurrency: int
    lanes: int
    service_s: float
    cpu_s_per_task: float
    pss_bytes: int
    slot: str = "process"


CPU = (
    SimulatedPool(pool="prefork", concurrency=2, lanes=2, service_s=0.101, cpu_s_per_task=0.101,
          pss_bytes=96_400_000),
    SimulatedPool(pool="threads", concurrency=2, lanes=2, service_s=0.203, cpu_s_per_task=0.101,
          pss_bytes=71_200_000, slot="thread"),
    SimulatedPool(pool="gevent", concurrency=2, lanes=1, service_s=0.101, cpu_s_per_task=0.101,
          pss_bytes=69_100_000, slot="greenlet"),
    SimulatedPool(pool="solo", concurrency=1, lanes=1, service_s=0.1, cpu_s_per_task=0.101,
          pss_bytes=61_000_000, slot="the worker itself"),
)  # fmt: skip
IO = (
    SimulatedPool(pool="prefork", concurrency=8, lanes=8, service_s=0.1, cpu_s_per_task=0.0021,
          pss_bytes=301_000_000),
    SimulatedPool(pool="threads", concurrency=32, lanes=32, service_s=0.102, cpu_s_per_task=0.0014,
          pss_bytes=74_000_000, slot="thread"),
    SimulatedPool(pool="gevent", concurrency=100, lanes=100, service_s=0.108, cpu_s_per_task=0.0009,
          pss_bytes=72_000_000, slot="greenlet"),
)  # fmt: skip


def race(*, host: str = "bench-1", seed: int = 7, slower: float = 1.0) -> RaceResult:
    """Build a race of three workloads; `slower` stretches every task, as on a slower machine."""
    draw = random.Random(seed)  # noqa: S311 - numbers for a picture, not a secret
    return RaceResult(
        schema_version=2,
        kind="race",
        run_id=f"2026-11-23-1412-race-{seed}",
        started_at="2026-11-23T14:12:03+00:00",
        elapsed_s=74.2,
        versions=VERSIONS,
        host=replace(HOST, name=host),
        settings=_settings(seed),
        calibration=Calibration(
            burn_iterations_per_ms=19_120.4 / slower, digest_rounds_per_ms=1_204.0 / slower
        ),
        clock_error_s=0.000_183,
        workloads=(
            _cpu(draw, slower),
            workload("sleep", "IO-bound, waits", IO, tasks=400, draw=draw, slower=slower),
            workload("mixed", "Mixed: waits, then works", CPU[:3], tasks=60, draw=draw),
        ),
    )


def workload(
    name: str, title: str, simulated_pools: tuple[SimulatedPool, ...], *, tasks: int,
    draw: random.Random, slower: float = 1.0,
) -> WorkloadResult:  # fmt: skip
    """Build one workload with a verdict that follows from its numbers."""
    pools = tuple(_pool(simulated, tasks, draw, slower) for simulated in simulated_pools)
    return WorkloadResult(
        name=name,
        title=title,
        nature="cpu" if simulated_pools is CPU else "io",
        task=f"{name}.task",
        task_label=f"{name}.task, {tasks} tasks of 100 ms",
        tasks_per_repeat=tasks,
        bare_wall_s=0.1,
        bare_cpu_s=0.1,
        pools=pools,
        verdict=_verdict(pools),
    )


def pool_of(simulated: SimulatedPool, *, tasks: int) -> PoolResult:
    """Build the result of one pool."""
    return _pool(simulated, tasks, random.Random(7), 1.0)  # noqa: S311 - numbers for a picture


def pool_without_a_finish(pool: str = "threads") -> PoolResult:
    """Build a pool whose worker died before a single task finished."""
    nothing = Account(
        submitted=40, finished=0, failed=0, lost=2, timed_out=0, unserved=38, duplicated=0,
        lost_ids=("7f3a-lost-1", "7f3a-lost-2"),
    )  # fmt: skip
    repeat = Repeat(
        makespan_s=0.0, throughput_per_s=0.0, latencies_s=(), finished_at_s=(), service_s=(),
        spans=(), cpu_s=0.4, peak_pss_bytes=60_000_000, submit_s=0.01, worst_slip_s=0.001,
        account=nothing, worker_died="killed by SIGKILL",
    )  # fmt: skip
    return PoolResult(
        pool=pool, concurrency=2, slot="thread", ideal_makespan_s=2.0, start_up_s=1.2,
        repeats=(repeat,), summary=None, remarks=(DIED,),
    )  # fmt: skip


def _cpu(draw: random.Random, slower: float) -> WorkloadResult:
    return workload("burn", "CPU-bound, holds the GIL", CPU, tasks=40, draw=draw, slower=slower)


def _pool(simulated: SimulatedPool, tasks: int, draw: random.Random, slower: float) -> PoolResult:
    repeats = tuple(_repeat(simulated, tasks, draw, slower) for _ in range(3))
    lanes = simulated.concurrency if simulated.cpu_s_per_task < 0.05 else 2
    ideal_s = tasks * 0.1 / lanes
    return PoolResult(
        pool=simulated.pool,
        concurrency=simulated.concurrency,
        slot=simulated.slot,
        ideal_makespan_s=ideal_s,
        start_up_s=1.31,
        repeats=repeats,
        summary=_summary(simulated, repeats, ideal_s),
    )


def _repeat(simulated: SimulatedPool, tasks: int, draw: random.Random, slower: float) -> Repeat:
    spans = _spans(simulated, tasks, draw, slower)
    ends = tuple(sorted(span.finished_s for span in spans))
    return Repeat(
        makespan_s=ends[-1],
        throughput_per_s=tasks / ends[-1],
        latencies_s=ends,  # every task is due at once, at 0
        finished_at_s=ends,
        service_s=tuple(span.finished_s - span.started_s for span in spans),
        spans=spans,
        cpu_s=tasks * simulated.cpu_s_per_task * draw.uniform(0.98, 1.02),
        peak_pss_bytes=round(simulated.pss_bytes * draw.uniform(0.98, 1.0)),
        submit_s=0.021,
        worst_slip_s=0.0031,
        account=_all_finished(tasks),
    )


def _spans(
    simulated: SimulatedPool, tasks: int, draw: random.Random, slower: float
) -> tuple[Span, ...]:
    """Give each task to the first free lane; a single lane moves from slot to slot."""
    free_at = [(draw.uniform(0.005, 0.02), lane) for lane in range(simulated.lanes)]
    heapq.heapify(free_at)
    spans = []
    for task in range(tasks):
        started_s, lane = heapq.heappop(free_at)
        finished_s = started_s + simulated.service_s * slower * draw.uniform(0.97, 1.06)
        slot = task % simulated.concurrency if simulated.lanes == 1 else lane
        spans.append(Span(slot=f"4711/{slot + 1}", started_s=started_s, finished_s=finished_s))
        heapq.heappush(free_at, (finished_s + draw.uniform(0.0005, 0.002), lane))
    return tuple(spans)


def _summary(simulated: SimulatedPool, repeats: tuple[Repeat, ...], ideal_s: float) -> PoolSummary:
    latencies_s = sorted(value for repeat in repeats for value in repeat.latencies_s)
    makespan = _interval([repeat.makespan_s for repeat in repeats])
    return PoolSummary(
        makespan_s=makespan,
        throughput_per_s=_interval([repeat.throughput_per_s for repeat in repeats]),
        latency_p50_s=latencies_s[len(latencies_s) // 2],
        latency_p95_s=latencies_s[int(len(latencies_s) * 0.95)],
        latency_p99_s=latencies_s[int(len(latencies_s) * 0.99)],
        cpu_s_per_task=simulated.cpu_s_per_task,
        peak_pss_bytes=max(repeat.peak_pss_bytes or 0 for repeat in repeats),
        of_ideal=ideal_s / makespan.median,
        account=_all_finished(sum(repeat.account.submitted for repeat in repeats)),
    )


def _interval(values: list[float]) -> Interval:
    return Interval(median=statistics.median(values), low=min(values), high=max(values))


def _all_finished(tasks: int) -> Account:
    return Account(
        submitted=tasks, finished=tasks, failed=0, lost=0, timed_out=0, unserved=0, duplicated=0
    )


def _verdict(pools: tuple[PoolResult, ...]) -> Verdict:
    medians = sorted((pool.summary.makespan_s.median, pool.pool) for pool in pools if pool.summary)
    (best_s, winner), (next_s, runner_up) = medians[:2]
    ratio = next_s / best_s
    return Verdict(
        winner=winner, runner_up=runner_up, ratio=ratio, noise=1.03,
        sentence=f"{winner} wins, {ratio:.2f} times {runner_up}: its slots ran in parallel.",
    )  # fmt: skip


def _settings(seed: int) -> Settings:
    return Settings(
        seed=seed, repeats=3, quick=False, with_results=False, with_events=False,
        broker="redis://:***@127.0.0.1:41234/0", command=f"poolwise race --seed {seed}",
    )  # fmt: skip
