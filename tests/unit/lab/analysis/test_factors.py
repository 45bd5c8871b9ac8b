"""Factors between races have an interval, and a verdict counts only what is comparable."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.analysis.comparison import compared_pools, lettered
from lab.analysis.factors import factor_text, overall
from lab.results.race import PoolResult, RaceResult
from tests.unit.lab.report import sample
from tests.unit.lab.sample import of, repeat


def lasting(*makespans_s: float, others_cpu: float | None = None) -> RaceResult:
    """Return a race of one pool."""
    return holding(of("threads", tuple(repeat(m, others_cpu=others_cpu) for m in makespans_s)))


def holding(*pools: PoolResult) -> RaceResult:
    whole = sample.race()
    return replace(whole, workloads=(replace(whole.workloads[0], pools=pools),))


def verdict(*results: RaceResult) -> str:
    [sentence] = overall(lettered(results))
    return sentence


def factor(*results: RaceResult) -> str:
    return factor_text(compared_pools(lettered(results), "burn")[-1])


A = lasting(2.0, 2.0, 2.1)


@pytest.mark.parametrize(
    ("b", "text"),
    [
        (lasting(3.0, 3.0, 3.14), "B/A = 1.50 (1.43 to 1.57)"),
        (lasting(1.0, 1.0, 1.06), "B/A = 0.50 (0.48 to 0.53)"),
        (lasting(3.0), "B/A = 1.50 (one repeat, so no interval)"),
        (holding(sample.pool_without_a_finish()), "not comparable"),
    ],
)
def test_a_factor_has_an_interval(b: RaceResult, text: str) -> None:
    assert factor(A, b) == text
    assert factor(A) == "baseline"


@pytest.mark.parametrize(
    ("b", "text"),
    [
        (
            lasting(3.0, 3.0, 3.14),
            "B took 1.50 × as long as A overall: B/A = 1.50 (1.43 to 1.57). Of 1 pool: 1 slower.",
        ),
        (
            lasting(1.0, 1.0, 1.06),
            "A took 2.00 × as long as B overall: B/A = 0.50 (0.48 to 0.53). Of 1 pool: 1 faster.",
        ),
        (
            lasting(2.0, 2.1, 2.0),
            "No overall difference measured between A and B: B/A = 1.00 (0.95 to 1.05). "
            "Of 1 pool: 1 within noise.",
        ),
        (
            lasting(2.1),  # a difference that a single repeat cannot show
            "No overall difference measured between A and B: B/A = 1.05 (one repeat, so no "
            "interval). Of 1 pool: 1 within noise.",
        ),
        (
            holding(sample.pool_without_a_finish()),
            "B cannot be compared with A: no pool did the same work in both.",
        ),
        (
            lasting(3.0, 3.0, 3.14, others_cpu=0.38),
            "No reliable answer, because during race B, other processes used up to 38 % of the "
            "machine's CPU. B took 1.50 × as long as A overall: B/A = 1.50 (1.43 to 1.57). Of 1 "
            "pool: 1 slower. Run again on an idle machine.",
        ),
    ],
)
def test_there_is_one_verdict_on_all_pools(b: RaceResult, text: str) -> None:
    assert verdict(A, b) == text


def test_each_further_race_is_compared_with_the_first() -> None:
    sentences = overall(lettered([A, lasting(3.0, 3.0), lasting(4.0, 4.0)]))
    assert [sentence[:20] for sentence in sentences] == [
        "B took 1.50 × as lon",
        "C took 2.00 × as lon",
    ]


def test_other_work_is_not_compared() -> None:
    other = lasting(9.0, 9.0)
    other = replace(
        other, workloads=(replace(other.workloads[0], task_label="burn.task, 80 tasks of 50 ms"),)
    )
    assert factor(A, other) == "other work"
    assert "no pool did the same work in both" in verdict(A, other)


def test_other_arguments_are_other_work() -> None:
    def calls(digest: str) -> RaceResult:
        return replace(A, workloads=(replace(A.workloads[0], digest=digest),))

    assert factor(calls("1f"), calls("2e")) == "other work"
    assert factor(calls("1f"), calls("1f")).startswith("B/A = 1.00")


def test_a_pool_that_waited_for_the_load_generator_is_not_compared() -> None:
    slow = holding(of("threads", tuple(repeat(2.6, submit_s=2.0) for _ in range(3))))
    assert factor(A, slow) == "not comparable"


def test_slower_and_faster_pools_cancel_out() -> None:
    def pools(threads_s: float, gevent_s: float) -> RaceResult:
        return holding(
            of("threads", (repeat(threads_s),) * 2), of("gevent", (repeat(gevent_s),) * 2)
        )

    said = verdict(pools(2, 2), pools(4, 1))
    assert said == (
        "No overall difference measured between A and B: B/A = 1.00 (1.00 to 1.00). "
        "Of 2 pools: 1 slower, 1 faster."
    )
