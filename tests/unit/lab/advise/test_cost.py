"""With prices, the most throughput for the same cost counts, in the search and in the answer."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from lab.advise.answer.answer import answer
from lab.advise.table import show
from lab.advise.trial.bench import Goal, trial_of
from lab.advise.trial.cost import Cost, cost
from lab.project.counting import Window
from lab.results.advice import CandidateResult
from tasks.errors import UsageError
from tests.unit.lab.advise import sample

GB = 10**9


def window(rate_per_s: float, *, cpu_s: float, memory_bytes: int) -> Window:
    return Window(
        seconds=2.0,
        tasks=2 * rate_per_s,
        failed=0,
        run_s=(0.1,),
        busy=1.0,
        cpu_s=cpu_s,
        peak_pss_bytes=memory_bytes,
    )


@pytest.mark.parametrize(
    ("text", "rate_per_cost"),
    [
        ("gb=4", 300 / (4 * 2)),
        ("core=10", 300 / (10 * 1.5)),
        ("core=10, gb=4", 300 / (10 * 1.5 + 4 * 2)),
        (None, None),
    ],
)
def test_a_trial_is_scored_by_what_it_uses(text: str | None, rate_per_cost: float | None) -> None:
    measured = window(300.0, cpu_s=3.0, memory_bytes=2 * GB)
    trial = trial_of(measured, Goal(cost=cost(text)))
    assert trial.rate_per_s == 300
    assert trial.rate_per_cost == (pytest.approx(rate_per_cost) if rate_per_cost else None)
    assert trial.score == pytest.approx(rate_per_cost or 300)


def priced(found: CandidateResult, price: Cost) -> CandidateResult:
    trials = (
        replace(one, rate_per_cost=one.rate_per_s / price.of(one.cores, one.peak_pss_bytes))
        for one in found.trials
    )
    return replace(found, trials=tuple(trials))


FAST = sample.candidate("prefork", 32, [500, 505, 495], memory_bytes=GB)
FRUGAL = sample.candidate("threads", 20, [300, 301, 299], memory_bytes=GB // 10)


def test_the_cheaper_candidate_is_recommended_although_it_is_slower() -> None:
    found = answer([FAST, FRUGAL], "shop", seed=1)
    assert found is not None
    assert found.pool == "prefork"
    both = [priced(one, Cost(gb=10.0)) for one in (FAST, FRUGAL)]
    found = answer(both, "shop", seed=1)
    assert found is not None
    assert found.pool == "threads"
    assert found.sentence == (
        "300/s with threads ×20, 6.00 times the throughput of prefork ×32 for the same cost"
    )
    assert found.ratio == pytest.approx(6.0)


def test_the_table_has_the_throughput_per_cost_only_with_prices() -> None:
    result = sample.result(candidates=(priced(FRUGAL, Cost(gb=10.0)), FAST))
    for prices, column in ((10.0, True), (None, False)):
        console = Console(file=StringIO(), width=160)
        show(replace(result, settings=replace(result.settings, core_cost=prices)), console)
        assert isinstance(console.file, StringIO)
        assert ("throughput per cost" in console.file.getvalue()) is column


@pytest.mark.parametrize("text", ["", "ram=4", "gb", "gb=-1", "gb=4,gb=5", "gb=nan", "core=0,gb=0"])
def test_what_is_no_price_gets_a_line_that_shows_how_to_write_it(text: str) -> None:
    with pytest.raises(UsageError, match="core=30,gb=4"):
        cost(text)
