"""The verdict on one workload: which pool won, by how much, for what reason.

Pure; it names no winner if the difference is within noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from lab.analysis.remarks import generator_was_the_bottleneck
from lab.analysis.score import is_whole
from lab.format import words
from lab.measure.workloads import WorkloadKind
from lab.results.race import PoolResult, Verdict
from producer.statistics import Comparison, compare

#: Memory use is only mentioned if it differs by this factor or more.
CHEAPER = 1.5


def judge(kind: WorkloadKind, pools: Sequence[PoolResult], *, seed: int) -> Verdict:
    """Name the fastest pool if its lead is more than noise; else compare what the pools cost."""
    ranked = sorted(filter(_is_ranked, pools), key=_median_s)
    if len(ranked) < 2:
        return Verdict(
            winner=None,
            runner_up=None,
            ratio=None,
            noise=None,
            sentence=f"No comparison: {_why_not(ranked, pools)}.",
        )
    best, *others = ranked
    comparisons = [compare(_makespans(other), _makespans(best), seed=seed) for other in others]
    first = comparisons[0]
    winner = best.pool if first.real else None
    tied = [best] + [pool for pool, c in zip(others, comparisons, strict=True) if not c.real]
    lead = _win(best, others[0], first) if winner else _draw(tied, first)
    rest = [] if winner else [*_behind(others, comparisons), *_cost(tied)]
    return Verdict(
        winner=winner,
        runner_up=others[0].pool,
        ratio=first.ratio,
        noise=first.noise,
        sentence=" ".join([f"{lead}: {_reason(kind, winner, ranked)}.", *rest, *_unequal(ranked)]),
    )


def _why_not(ranked: Sequence[PoolResult], pools: Sequence[PoolResult]) -> str:
    if not ranked:
        return "no pool could be ranked"
    return f"only {ranked[0].pool} {'was raced' if len(pools) == 1 else 'could be ranked'}"


def _is_ranked(pool: PoolResult) -> bool:
    return pool.summary is not None and not generator_was_the_bottleneck(pool)


def _median_s(pool: PoolResult) -> float:
    return pool.summary.makespan_s.median if pool.summary else inf


def _pss_bytes(pool: PoolResult) -> int | None:
    return pool.summary.peak_pss_bytes if pool.summary else None


def _makespans(pool: PoolResult) -> list[float]:
    return [repeat.makespan_s for repeat in pool.repeats if is_whole(repeat)]


def _win(best: PoolResult, second: PoolResult, comparison: Comparison) -> str:
    return f"{best.pool} wins, {comparison.ratio:.2f} times as fast as {second.pool}"


def _draw(tied: Sequence[PoolResult], closest: Comparison) -> str:
    names = _listed([pool.pool for pool in tied])
    return (
        f"No difference measured between {names} "
        f"(closest ratio {closest.ratio:.2f}; anything below {closest.noise:.2f} is within noise)"
    )


def _reason(kind: WorkloadKind, winner: str | None, pools: Sequence[PoolResult]) -> str:
    if (known := kind.reasons.get(winner)) is not None:
        return known
    others = [pool.concurrency for pool in pools if pool.pool != winner]
    if kind.nature != "cpu" and any(
        pool.pool == winner and pool.concurrency > max(others) for pool in pools
    ):
        return "it has the most slots"
    return "the cause is unknown; see “Slots over time” in the report"


def _behind(others: Sequence[PoolResult], comparisons: Sequence[Comparison]) -> list[str]:
    return [
        f"{pool.pool} took {comparison.ratio:.2f} times as long."
        for pool, comparison in zip(others, comparisons, strict=True)
        if comparison.real
    ]


def _cost(tied: Sequence[PoolResult]) -> list[str]:
    """Say how much memory tied pools used, if that differs enough to matter."""
    known = [(size, pool.pool) for pool in tied if (size := _pss_bytes(pool)) is not None]
    if len(known) < len(tied):
        return []
    (least_bytes, least), (most_bytes, most) = min(known), max(known)
    if most_bytes < CHEAPER * least_bytes:
        return []
    return [f"{least} used {words.size(least_bytes)} of memory, {most} {words.size(most_bytes)}."]


def _unequal(pools: Sequence[PoolResult]) -> list[str]:
    """Name the concurrencies, if they differ."""
    if len({pool.concurrency for pool in pools}) < 2:
        return []
    return [f"Concurrency differed: {_listed([words.pool(p.pool, p.concurrency) for p in pools])}."]


def _listed(names: Sequence[str]) -> str:
    *front, last = names
    return f"{', '.join(front)} and {last}" if front else last
