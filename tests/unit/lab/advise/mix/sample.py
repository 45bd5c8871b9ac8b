"""A plausible mix, for tests of the answer and of how it is shown."""

from __future__ import annotations

from dataclasses import replace

from lab.advise.answer.answer import answer
from lab.advise.mix.answer import mix_answer
from lab.results.advice import (
    AdviceResult,
    CandidateResult,
    MixedTask,
    MixResult,
    SplitResult,
    WorkerGroup,
)
from tests.unit.lab.advise import sample

MIB = 1024 * 1024


def group(queue: str, task: str, pool: str, concurrency: int, *, workers: int = 1) -> WorkerGroup:
    return WorkerGroup(
        queue=queue,
        tasks=(task,),
        pool=pool,
        concurrency=concurrency,
        workers=workers,
        command=f"celery -A shop worker --pool {pool} --concurrency {concurrency} --queues {queue}",
        peak_pss_bytes=100 * MIB,
    )


def split(rates: list[float], *, slots: int = 64, rejected: str = "") -> SplitResult:
    return SplitResult(
        groups=(
            group("cpu", "shop.parse", "prefork", 2),
            group("io", "shop.fetch", "threads", slots, workers=2),
        ),
        trials=tuple(sample.trial(rate) for rate in rates),
        rejected=rejected,
    )


def mix(*splits: SplitResult, why_no_split: str = "") -> MixResult:
    profile = sample.result().profile
    return MixResult(
        size=10,
        tasks=(
            MixedTask(name="shop.parse", weight=1, queue="cpu", profile=profile),
            MixedTask(name="shop.fetch", weight=9, queue="io", profile=profile),
        ),
        splits=splits,
        why_no_split=why_no_split,
    )


def result(
    of: MixResult, candidates: tuple[CandidateResult, ...] = sample.CANDIDATES
) -> AdviceResult:
    blank = sample.result(candidates=candidates)
    found = mix_answer(answer(candidates, "shop", seed=3), candidates, of, seed=3)
    settings = replace(blank.settings, tasks=("shop.fetch", "shop.parse"))
    return replace(blank, settings=settings, mix=of, answer=found)
