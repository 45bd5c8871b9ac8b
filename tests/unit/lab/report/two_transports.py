"""A plausible race of two transports, for tests of how results are shown."""

from __future__ import annotations

import random
from dataclasses import replace

from lab.analysis.transports import summary, transport_effects, verdicts_by_transport
from lab.measure.workloads import WORKLOADS
from lab.results.race import PoolResult, RaceResult, WorkloadResult
from tests.unit.lab.report import sample

#: How many times as long a task takes with lease as with stock.
FASTER = {"prefork": 1.0, "threads": 0.97, "gevent": 0.8}
#: The same for its CPU time.
CHEAPER = 0.5


def race() -> RaceResult:
    """Build a race of two workloads, on three pools with two transports each."""
    whole = sample.race()
    works = (
        _workload("burn", "CPU-bound, holds the GIL", sample.CPU[:3], tasks=40),
        _workload("fetch", "IO-bound, waits for a server", sample.IO, tasks=400),
    )
    settings = replace(
        whole.settings,
        transports=("stock", "lease"),
        command="poolwise race --transport stock,lease --seed 7",
    )
    return replace(whole, settings=settings, workloads=works)


def single(transport: str = "") -> RaceResult:
    """Build a race of one transport, as a file of an earlier Poolwise has it if it is not named."""
    whole = race()
    transports = (transport,) if transport else ()
    return replace(
        whole,
        settings=replace(whole.settings, transports=transports),
        workloads=tuple(_only(work, transport) for work in whole.workloads),
    )


def _only(work: WorkloadResult, transport: str) -> WorkloadResult:
    pools = tuple(
        replace(pool, transport=transport)
        for pool in work.pools
        if pool.transport == (transport or "stock")
    )
    verdict = replace(work.verdicts[0], transport="")
    return replace(work, pools=pools, verdict=verdict, verdicts=(), effects=())


def _workload(
    name: str, title: str, simulated_pools: tuple[sample.SimulatedPool, ...], *, tasks: int
) -> WorkloadResult:
    draw = random.Random(7)  # noqa: S311 - numbers for a picture, not a secret
    alone = sample.workload(name, title, simulated_pools, tasks=tasks, draw=draw)
    quicker = tuple(
        replace(
            one,
            service_s=one.service_s * FASTER[one.pool],
            cpu_s_per_task=one.cpu_s_per_task * CHEAPER,
        )
        for one in simulated_pools
    )
    other = sample.workload(name, title, quicker, tasks=tasks, draw=draw)
    pools = tuple(
        replace(pool, transport=transport)
        for both in zip(alone.pools, other.pools, strict=True)
        for pool, transport in zip(both, ("stock", "lease"), strict=True)
    )
    return judged(alone, pools)


def judged(work: WorkloadResult, pools: tuple[PoolResult, ...]) -> WorkloadResult:
    """Return a workload with these pools, and what they come to."""
    effects = transport_effects(pools, seed=7)
    verdicts = verdicts_by_transport(WORKLOADS[work.name], pools, seed=7)
    verdict = summary(verdicts, effects)
    return replace(work, pools=pools, verdict=verdict, verdicts=verdicts, effects=effects)
