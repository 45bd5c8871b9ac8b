"""Where the ideal cannot be calculated, no page, table or plot claims one."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

from rich.console import Console

from lab.analysis.remarks import remarks
from lab.analysis.score import summarise
from lab.format import words
from lab.race.table import show
from lab.report import render
from lab.report.plots.makespan import makespan_bars
from lab.report.plots.series import of_one_race
from lab.results.race import PoolResult, RaceResult
from tests.unit.lab.report import sample


def without(pool: PoolResult) -> PoolResult:
    return replace(pool, ideal_makespan_s=None, summary=summarise(pool.repeats, None))


def result() -> RaceResult:
    whole = sample.race()
    [first, *_] = whole.workloads
    work = replace(first, pools=tuple(map(without, first.pools)))
    return replace(whole, workloads=(work,), settings=replace(whole.settings, app="shop"))


def test_the_terminal_shows_what_a_task_takes_alone_instead() -> None:
    console = Console(width=160, file=StringIO(), record=True)
    show(result(), console)
    text = console.export_text()
    assert "one task alone takes 100 ms" in text
    assert "ideal makespan" not in text


def test_the_page_has_neither_an_ideal_nor_a_line_for_it() -> None:
    page = render([result()])
    assert "ideal makespan" not in page
    assert f">{words.NOTHING} <" in page
    assert "Race of shop on " in page
    pools = result().workloads[0].pools
    assert not makespan_bars(of_one_race(pools, [pool.pool for pool in pools])).layout.shapes


def test_no_remark_judges_a_pool_by_it() -> None:
    for pool in result().workloads[0].pools:
        assert "of ideal" not in " ".join(remarks(pool, 2))


def test_races_without_it_can_be_compared() -> None:
    assert "2 races compared" in render([result(), result()])
