"""What a transport changes for each pool of a workload, and the verdict on each transport; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lab.analysis.disturbance import is_disturbed, undisturbed_s
from lab.analysis.remarks import generator_was_the_bottleneck
from lab.analysis.score import timed
from lab.analysis.verdict import judge
from lab.format.transports import NOT_RELIABLE, THE_SAME, effects_sentence
from lab.measure.traits import Traits
from lab.results.race import PoolResult, TransportEffect, Verdict, WorkloadResult
from producer.statistics import Ratio, mean_ratio


def verdicts_by_transport(
    kind: Traits, pools: Sequence[PoolResult], *, seed: int
) -> tuple[Verdict, ...]:
    """Judge the pools of each transport by themselves."""
    groups: dict[str, list[PoolResult]] = {}
    for pool in pools:
        groups.setdefault(pool.transport, []).append(pool)
    return tuple(
        replace(judge(kind, group, seed=seed), transport=transport)
        for transport, group in groups.items()
    )


def fastest(pool: PoolResult, work: WorkloadResult) -> str:
    """Say that a pool won, with several transports among those with its own; empty if not."""
    for verdict in work.verdicts or (work.verdict,):
        if verdict.winner == pool.pool and verdict.transport in {"", pool.transport}:
            return f"fastest with {verdict.transport}" if verdict.transport else "fastest"
    return ""


def transport_effects(pools: Sequence[PoolResult], *, seed: int) -> tuple[TransportEffect, ...]:
    """Compare each pool that ran with several transports with itself on the first of them."""
    first: dict[tuple[str, int], PoolResult] = {}
    effects = []
    for pool in pools:
        baseline = first.setdefault((pool.pool, pool.concurrency), pool)
        if baseline is not pool:
            effects.append(_effect(pool, baseline, seed))
    return tuple(effects)


def summary(verdicts: Sequence[Verdict], effects: Sequence[TransportEffect]) -> Verdict:
    """Return one verdict for several transports: it has a winner if that is the same with each.

    `verdicts` has one for each transport; with a single pool, there are none.
    """
    winners, others = {v.winner for v in verdicts}, {v.runner_up for v in verdicts}
    ratios = [v.ratio for v in verdicts if v.ratio is not None]
    noises = [v.noise for v in verdicts if v.noise is not None]
    said = [f"With {v.transport}: {v.sentence}" for v in verdicts]
    doubtful = [one for one in effects if one.change == NOT_RELIABLE]
    return Verdict(
        winner=winners.pop() if len(winners) == 1 else None,
        runner_up=others.pop() if len(others) == 1 else None,
        ratio=min(ratios, default=None),
        noise=max(noises, default=None),
        sentence=" ".join([*said, effects_sentence(effects)]),
        reliable=all(v.reliable for v in verdicts) if verdicts else not doubtful,
    )


def _effect(pool: PoolResult, baseline: PoolResult, seed: int) -> TransportEffect:
    these, those = _makespans(pool), _makespans(baseline)
    ranked = not any(map(generator_was_the_bottleneck, (pool, baseline)))
    ratio = mean_ratio([(these, those)], seed=seed) if these and those and ranked else None
    single = min(len(these), len(those)) < 2
    bounds = ratio if ratio is not None and not single else None
    return TransportEffect(
        pool=pool.pool,
        concurrency=pool.concurrency,
        transport=pool.transport,
        baseline=baseline.transport,
        change="not comparable" if ratio is None else _change(pool, baseline, ratio, seed),
        makespan_ratio=ratio.value if ratio else None,
        makespan_low=bounds.low if bounds else None,
        makespan_high=bounds.high if bounds else None,
        cpu_ratio=_cpu_ratio(pool, baseline),
    )


def _change(pool: PoolResult, baseline: PoolResult, ratio: Ratio, seed: int) -> str:
    """Say whether the makespans differ by more than noise, and not only because of others."""
    single = min(len(_makespans(pool)), len(_makespans(baseline))) < 2
    slower, faster = (pool, baseline) if ratio.value > 1 else (baseline, pool)
    if not ratio.differs(single=single):
        return NOT_RELIABLE if any(map(is_disturbed, (pool, baseline))) else THE_SAME
    if is_disturbed(slower):
        shortest = [undisturbed_s(repeat) for repeat in timed(slower)]
        least = mean_ratio([(shortest, _makespans(faster))], seed=seed)
        if least.value < 1 or not least.differs(single=single):
            return NOT_RELIABLE
    return "slower" if slower is pool else "faster"


def _makespans(pool: PoolResult) -> list[float]:
    return [repeat.makespan_s for repeat in timed(pool)]


def _cpu_ratio(pool: PoolResult, baseline: PoolResult) -> float | None:
    """Return the ratio of the CPU times per task; None if one of them is not known."""
    times = [one.summary.cpu_s_per_task if one.summary else None for one in (pool, baseline)]
    this, that = times
    return this / that if this is not None and that else None
