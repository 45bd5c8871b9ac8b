"""Cost that could not be measured is shown as unknown, never as zero."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

from rich.console import Console

from lab.analysis.remarks import remarks
from lab.analysis.score import summarise
from lab.analysis.verdict import judge
from lab.format import words
from lab.measure.workloads import WORKLOADS
from lab.race.table import show
from lab.report import render
from lab.results.race import PoolResult, RaceResult
from tests.unit.lab.report import sample


def unseen(pool: PoolResult) -> PoolResult:
    """Return the pool as if its worker ran on another machine."""
    repeats = tuple(replace(r, cpu_s=None, peak_pss_bytes=None) for r in pool.repeats)
    summary = summarise(repeats, pool.ideal_makespan_s)
    return replace(pool, repeats=repeats, summary=summary, start_up_s=None)


def unseen_result() -> RaceResult:
    result = sample.race()
    return replace(
        result,
        workloads=tuple(
            replace(workload, pools=tuple(map(unseen, workload.pools)))
            for workload in result.workloads
        ),
    )


def test_an_unknown_cost_is_a_dash_at_the_terminal() -> None:
    console = Console(width=140, file=StringIO(), record=True)
    show(unseen_result(), console)
    [line] = [text for text in console.export_text().splitlines() if text.startswith("solo")][:1]
    assert line.count(words.NOTHING) == 2


def test_an_unknown_cost_is_a_dash_on_the_page() -> None:
    page = render([unseen_result()])
    assert page.count(f">{words.NOTHING}<") > 10


def test_remarks_and_verdict_work_without_the_cost() -> None:
    pools = unseen_result().workloads[0].pools
    slow = next(p for p in pools if p.summary is not None and (p.summary.of_ideal or 1.0) < 0.9)
    assert "cannot be read from here" in remarks(slow, 2)[-1]
    assert "of memory" not in judge(WORKLOADS["burn"], pools, seed=1).sentence


def test_the_verdict_names_concurrencies_that_differ() -> None:
    pools = [replace(p, concurrency=n) for n, p in enumerate(unseen_result().workloads[0].pools, 1)]
    assert "Concurrency differed: " in judge(WORKLOADS["burn"], pools, seed=1).sentence
    equal = [replace(p, concurrency=2) for p in pools]
    assert "Concurrency differed" not in judge(WORKLOADS["burn"], equal, seed=1).sentence


def test_the_pool_with_the_most_slots_wins_at_waiting_because_of_them() -> None:
    pools = list(unseen_result().workloads[1].pools)
    sentence = judge(WORKLOADS["sleep"], pools, seed=1).sentence
    best = max(pools, key=lambda pool: pool.concurrency)
    assert sentence.startswith(f"{best.pool} wins, ")
    assert "it has the most slots" in sentence
    assert "it has the most slots" not in judge(WORKLOADS["burn"], pools, seed=1).sentence
