"""A plausible result of advice, for tests of how it is shown."""

from __future__ import annotations

from lab.advise.answer.answer import answer
from lab.results.advice import (
    SCHEMA_VERSION,
    AdviceResult,
    AdviceSettings,
    CandidateResult,
    Caveat,
    Profile,
    Trial,
)
from tests.unit.lab.on_what import HOST, VERSIONS


def trial(rate_per_s: float, memory_bytes: int = 10**8) -> Trial:
    return Trial(
        seconds=2.0,
        rate_per_s=rate_per_s,
        p50_s=0.1,
        p95_s=0.2,
        objective_s=0.2,
        busy=0.98,
        cpu_s_per_task=0.01,
        cores=1.0,
        peak_pss_bytes=memory_bytes,
        failed=0,
    )


def candidate(
    pool: str,
    concurrency: int,
    rates: list[float],
    *,
    workers: int = 1,
    memory_bytes: int = 10**8,
    rejected: str = "",
    flags: tuple[str, ...] = (),
) -> CandidateResult:
    return CandidateResult(
        pool=pool,
        concurrency=concurrency,
        workers=workers,
        trials=tuple(trial(rate, memory_bytes) for rate in rates),
        rejected=rejected,
        flags=flags,
    )


CANDIDATES = (
    candidate("prefork", 8, [118.0]),
    candidate("gevent", 100, [905.0, 910.0, 900.0], workers=2),
    candidate("gevent", 50, [460.0, 455.0, 450.0]),
    candidate("threads", 64, [], rejected="unsafe: see the warning"),
)
CAVEATS = (Caveat(pool="threads", name="unsafe-in-threads", text="3 of 96 runs failed"),)


def result(
    task: str = "shop.fetch",
    candidates: tuple[CandidateResult, ...] = CANDIDATES,
    caveats: tuple[Caveat, ...] = CAVEATS,
) -> AdviceResult:
    return AdviceResult(
        schema_version=SCHEMA_VERSION,
        kind="advice",
        run_id="poolwise-1",
        started_at="2026-11-26T12:00:00+00:00",
        elapsed_s=118.0,
        versions=VERSIONS,
        host=HOST,
        settings=AdviceSettings(
            app="shop",
            tasks=(task,),
            calls=1,
            celery="5.3.6",
            python="3.11.9",
            budget_s=120.0,
            memory_bytes=None,
            slo_s=None,
            slo_percentile=95.0,
            seed=3,
            command=f"poolwise advise -A shop {task} --seed 3",
        ),
        profile=Profile(
            runs=20,
            failed=0,
            run_s=0.055,
            fastest_s=0.05,
            slowest_s=0.06,
            cpu_s=0.005,
            worker_bytes=60_000_000,
            slot_bytes=400_000,
            sends=0.0,
        ),
        candidates=candidates,
        warnings=caveats,
        answer=answer(candidates, "shop", seed=3),
    )
