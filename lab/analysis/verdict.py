"""The verdict on one workload: which pool won, by how much, for what reason.

Pure; it names no winner if the difference is within noise, or if other load may have caused it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from lab.analysis.disturbance import advice, causes, is_disturbed, undisturbed_s
from lab.analysis.remarks import generator_was_the_bottleneck
from lab.analysis.score import is_whole
from lab.format import words
from lab.measure.traits import Traits
from lab.results.race import PoolResult, Verdict
from producer.statistics import Comparison, compare

#: Memory use is only mentioned if it differs by this factor or more.
CHEAPER = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """A pool compared with the fastest one."""

    pool: PoolResult
    comparison: Comparison
    sure: bool  # it would be slower even if other load had delayed it as much as it can


def judge(kind: Traits, pools: Sequence[PoolResult], *, seed: int) -> Verdict:
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
    rivals = [_rival(other, best, seed) for other in others]
    # A slower pool may be within noise although a faster one is not: its repeats may vary more.
    won = all(rival.comparison.real for rival in rivals)
    runner_up = next((rival for rival in rivals if not rival.comparison.real), rivals[0])
    doubtful = _doubtful(best, rivals)
    parts = _win(kind, best, rivals, doubtful) if won else _draw(kind, best, rivals, doubtful)
    return Verdict(
        winner=best.pool if won and not doubtful else None,
        runner_up=runner_up.pool.pool,
        ratio=runner_up.comparison.ratio,
        noise=runner_up.comparison.noise,
        sentence=" ".join([*parts, *_unequal(ranked)]),
        reliable=not doubtful,
    )


def _rival(other: PoolResult, best: PoolResult, seed: int) -> Rival:
    shortest = [undisturbed_s(repeat) for repeat in other.repeats if is_whole(repeat)]
    return Rival(
        pool=other,
        comparison=compare(_makespans(other), _makespans(best), seed=seed),
        sure=compare(shortest, _makespans(best), seed=seed).real,
    )


def _doubtful(best: PoolResult, rivals: Sequence[Rival]) -> list[PoolResult]:
    """Return the pools on which other load had too much influence for a verdict."""
    if all(rival.comparison.real for rival in rivals):
        return [rival.pool for rival in rivals if not rival.sure]
    return [pool for pool in _tied(best, rivals) if is_disturbed(pool)]


def _tied(best: PoolResult, rivals: Sequence[Rival]) -> list[PoolResult]:
    return [best, *(rival.pool for rival in rivals if not rival.comparison.real)]


def _win(
    kind: Traits, best: PoolResult, rivals: Sequence[Rival], doubtful: Sequence[PoolResult]
) -> list[str]:
    pools = [best, *(rival.pool for rival in rivals)]
    if doubtful:
        slower = [one for one in rivals if one.pool in doubtful]
        ratios = [
            f"{one.pool.pool} took {words.factor(one.comparison.ratio)} times" for one in slower
        ]
        return [
            f"No reliable answer: {_disturbed(doubtful)}, which may be why {_listed(ratios)} as "
            f"long as {best.pool}.",
            advice(doubtful),
        ]
    first = rivals[0]
    faster = words.factor(first.comparison.ratio)
    lead = f"{best.pool} wins, {faster} times as fast as {first.pool.pool}"
    explained = _explained(lead, _reason(kind, best.pool, pools), pools)
    if any(map(is_disturbed, pools)):
        load = f"While these tasks ran, {causes(pools)}: too little to explain the lead."
        return [explained, load]
    return [explained]


def _draw(
    kind: Traits, best: PoolResult, rivals: Sequence[Rival], doubtful: Sequence[PoolResult]
) -> list[str]:
    tied = _tied(best, rivals)
    closest = next(rival.comparison for rival in rivals if not rival.comparison.real)
    names = _listed([pool.pool for pool in tied])
    pools = [best, *(rival.pool for rival in rivals)]
    ratio = "ratio" if len(tied) == 2 else "closest ratio"
    lead = (
        f"No difference measured between {names} "
        f"({ratio} {closest.ratio:.2f}; up to {closest.noise:.2f} is within noise)"
    )
    said = [_explained(lead, _reason(kind, None, pools), pools)]
    if doubtful:
        said = [
            f"No reliable answer: {_disturbed(doubtful)}, so a difference between {names} may have "
            "gone unnoticed.",
            advice(doubtful),
        ]
    return [*said, *_behind(best, rivals), *_cost(tied)]


def _disturbed(doubtful: Sequence[PoolResult]) -> str:
    return f"while {_listed([one.pool for one in doubtful])} ran, {causes(doubtful)}"


def _explained(lead: str, reason: str, pools: Sequence[PoolResult]) -> str:
    """Give the reason for a result; after a single repeat, only as a guess."""
    if not reason:
        return f"{lead}: the cause is unknown; see “Slots over time” in the report."
    if min(len(_makespans(pool)) for pool in pools) < 2:
        return f"{lead}, in a single repeat. A likely reason: {reason}."
    return f"{lead}: {reason}."


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


def _reason(kind: Traits, winner: str | None, pools: Sequence[PoolResult]) -> str:
    """Return why `winner` won, or why nobody did; empty if that is unknown."""
    if (known := kind.reasons.get(winner)) is not None:
        return known
    others = [pool.concurrency for pool in pools if pool.pool != winner]
    if kind.nature != "cpu" and any(
        pool.pool == winner and pool.concurrency > max(others) for pool in pools
    ):
        return "it has the most slots"
    return ""


def _behind(best: PoolResult, rivals: Sequence[Rival]) -> list[str]:
    return [
        f"{rival.pool.pool} took {words.factor(rival.comparison.ratio)} times as long as "
        f"{best.pool}."
        for rival in rivals
        if rival.comparison.real and rival.sure
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
