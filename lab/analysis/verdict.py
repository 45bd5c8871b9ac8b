"""Who won, by how much, and why: pure, and silent where the difference is not more than noise."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from lab.analysis.remarks import generator_was_in_the_way
from lab.analysis.score import is_whole
from lab.format import words
from lab.measure.workloads import NATURES
from lab.results.race import PoolResult, Verdict
from producer.statistics import Comparison, compare

#: Why a pool wins a workload (None: why they are level), by what the interpreter and the kernel do.
#: An outcome that is not listed has no known reason, and the verdict says so.
REASONS: dict[tuple[str, str | None], str] = {
    ("burn", "prefork"): (
        "Python bytecode holds the GIL, so threads and greenlets share one core, processes do not"
    ),
    ("digest", None): "OpenSSL lets go of the GIL while it computes, so threads use every core too",
    ("digest", "prefork"): "its processes share nothing, not even the GIL between two tasks",
    ("digest", "threads"): (
        "OpenSSL lets go of the GIL while it computes, and threads need no pipe to a child process"
    ),
    ("sleep", None): "waiting needs no core, so every slot waits at the same time",
    ("fetch", None): "waiting needs no core, so every slot waits at the same time",
    ("mixed", "prefork"): "its processes compute on every core and wait at the same time",
    ("mixed", None): "there was too little computing for the second core to matter",
}
#: Pools whose memory differs less than this are not told apart by it.
CHEAPER = 1.5


def judge(workload: str, pools: Sequence[PoolResult], *, seed: int) -> Verdict:
    """Name the quickest pool where its lead is more than noise; else the cheapest of the level."""
    ranked = sorted(filter(_is_ranked, pools), key=_median_s)
    if len(ranked) < 2:
        who = f"only {ranked[0].pool} has figures" if ranked else "no pool has figures"
        return Verdict(
            winner=None, runner_up=None, ratio=None, noise=None, sentence=f"No comparison: {who}."
        )
    best, *others = ranked
    comparisons = [compare(_makespans(other), _makespans(best), seed=seed) for other in others]
    first = comparisons[0]
    winner = best.pool if first.real else None
    level = [best] + [pool for pool, c in zip(others, comparisons, strict=True) if not c.real]
    lead = _win(best, others[0], first) if winner else _draw(level, first)
    rest = [] if winner else [*_behind(others, comparisons), *_cost(level)]
    return Verdict(
        winner=winner,
        runner_up=others[0].pool,
        ratio=first.ratio,
        noise=first.noise,
        sentence=" ".join(
            [f"{lead}: {_reason(workload, winner, ranked)}.", *rest, *_unequal(ranked)]
        ),
    )


def _is_ranked(pool: PoolResult) -> bool:
    return pool.summary is not None and not generator_was_in_the_way(pool)


def _median_s(pool: PoolResult) -> float:
    return pool.summary.makespan_s.median if pool.summary else inf


def _pss_bytes(pool: PoolResult) -> int | None:
    return pool.summary.peak_pss_bytes if pool.summary else None


def _makespans(pool: PoolResult) -> list[float]:
    return [repeat.makespan_s for repeat in pool.repeats if is_whole(repeat)]


def _win(best: PoolResult, second: PoolResult, comparison: Comparison) -> str:
    return f"{best.pool} wins, {comparison.ratio:.2f} times as fast as {second.pool}"


def _draw(level: Sequence[PoolResult], nearest: Comparison) -> str:
    names = _listed([pool.pool for pool in level])
    return (
        f"No difference measured between {names} "
        f"(nearest ratio {nearest.ratio:.2f}, told from noise above {nearest.noise:.2f})"
    )


def _reason(workload: str, winner: str | None, pools: Sequence[PoolResult]) -> str:
    if (known := REASONS.get((workload, winner))) is not None:
        return known
    others = [pool.concurrency for pool in pools if pool.pool != winner]
    if NATURES.get(workload) != "cpu" and any(
        pool.pool == winner and pool.concurrency > max(others) for pool in pools
    ):
        return "it has the most slots"
    return "why is not known here; the timeline may show it"


def _behind(others: Sequence[PoolResult], comparisons: Sequence[Comparison]) -> list[str]:
    return [
        f"{pool.pool} took {comparison.ratio:.2f} times as long."
        for pool, comparison in zip(others, comparisons, strict=True)
        if comparison.real
    ]


def _cost(level: Sequence[PoolResult]) -> list[str]:
    """Tell level pools apart by what they cost, where that differs enough to matter."""
    known = [(size, pool.pool) for pool in level if (size := _pss_bytes(pool)) is not None]
    if len(known) < len(level):
        return []
    (least_bytes, least), (most_bytes, most) = min(known), max(known)
    if most_bytes < CHEAPER * least_bytes:
        return []
    return [
        f"{least} does it in {words.size(least_bytes)} of memory, {most} in "
        f"{words.size(most_bytes)}."
    ]


def _unequal(pools: Sequence[PoolResult]) -> list[str]:
    """Say that the pools did not race as equals, where they did not."""
    if len({pool.concurrency for pool in pools}) < 2:
        return []
    return [f"They were not equal: {_listed([words.pool(p.pool, p.concurrency) for p in pools])}."]


def _listed(names: Sequence[str]) -> str:
    *front, last = names
    return f"{', '.join(front)} and {last}" if front else last
