"""The result of a workload, made from its repeats; pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from lab.analysis.lanes import packed
from lab.analysis.remarks import busy_cores, remarks
from lab.analysis.score import ideal_makespan_s, summarise
from lab.analysis.transports import summary, transport_effects, verdicts_by_transport
from lab.analysis.verdict import judge
from lab.measure.calibrate import Bare
from lab.measure.traits import Traits, Workload
from lab.results.race import PoolResult, Repeat, WorkloadResult
from lab.session.protocols import PoolConfig

#: Threads that keep more cores busy than this do not run one at a time.
BEYOND_ONE: Final = 1.2


def pool_result(
    workload: Workload,
    config: PoolConfig,
    repeats: tuple[Repeat, ...],
    *,
    bare: Bare,
    cores: int,
    start_up_s: float | None,
) -> PoolResult:
    """Return the result of one pool on a machine with `cores` cores."""
    ideal_s = ideal_makespan_s(
        count=workload.count,
        slots=config.concurrency,
        cores=cores,
        bare=bare,
    )
    result = PoolResult(
        pool=config.pool.name,
        concurrency=config.concurrency,
        slot=config.pool.slot,
        ideal_makespan_s=ideal_s,
        start_up_s=start_up_s,
        repeats=tuple(replace(r, spans=packed(r.spans, config.concurrency)) for r in repeats),
        summary=summarise(repeats, ideal_s),
        transport=config.transport,
    )
    parallel = config.pool.parallel_python or (
        config.pool.slot == "thread" and _releases_gil(workload.kind, result)
    )
    return replace(result, remarks=remarks(result, cores if parallel else 1))


def _releases_gil(kind: Traits, threads: PoolResult) -> bool:
    """Return whether the tasks leave the GIL to others: known, or seen from what threads used."""
    if kind.releases_gil is not None:
        return kind.releases_gil
    return (busy_cores(threads) or 0.0) > BEYOND_ONE


def workload_result(
    workload: Workload, pools: tuple[PoolResult, ...], bare: Bare, seed: int
) -> WorkloadResult:
    """Return the results of all pools, with the verdict, and with what the transports change."""
    effects = transport_effects(pools, seed=seed)
    verdicts = verdicts_by_transport(workload.kind, pools, seed=seed) if len(effects) > 1 else ()
    return WorkloadResult(
        name=workload.name,
        title=workload.kind.title,
        nature=workload.kind.nature,
        task=workload.task,
        task_label=workload.label,
        tasks_per_repeat=workload.count,
        bare_wall_s=bare.wall_s,
        bare_cpu_s=bare.cpu_s,
        pools=pools,
        verdict=summary(verdicts, effects) if effects else judge(workload.kind, pools, seed=seed),
        verdicts=verdicts,
        effects=effects,
        digest=workload.digest,
    )
