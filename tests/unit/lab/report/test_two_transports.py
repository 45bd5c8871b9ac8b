"""A report of two transports shows at a glance what the transport changes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.analysis.comparison import compared_pools, lettered
from lab.format.words import TIMES
from lab.report import render
from lab.report.plots.effects import Effect, effect_plot
from lab.report.plots.series import of_one_race
from lab.results import files as result_files
from lab.results.race import RaceResult
from tests.unit.lab.report import sample, two_transports
from tests.unit.lab.report.reading import Page, read

POOLS = ["prefork", "threads", "gevent"]


@pytest.fixture(scope="module")
def page() -> Page:
    return read(render([two_transports.race()]))


def test_each_pool_is_named_with_its_transport(page: Page) -> None:
    for name in ("prefork", "threads", "gevent"):
        for transport in ("stock", "lease"):
            assert f"{name} {TIMES}2, {transport}" in page.text


def test_the_ratio_of_each_pool_and_workload_comes_before_the_workloads(page: Page) -> None:
    top, _, _ = page.plain().partition("burn.task, 40 tasks")
    assert "transport stock and lease · 3 repeats" in top
    assert "What the transport changes: lease against stock" in top
    assert f"gevent {TIMES}2 burn 0.80 (" in top
    assert f"gevent {TIMES}100 fetch 0.8" in top
    assert "fetch With lease, threads took 0.97 and gevent 0.81 times as long as with stock" in top


def test_the_verdict_is_given_for_each_transport(page: Page) -> None:
    assert "fastest with stock" in page.text
    assert "fastest with lease" in page.text
    for work in two_transports.race().workloads:
        for verdict in work.verdicts:
            assert verdict.sentence in page.text


def test_a_race_of_one_transport_shows_none_of_this() -> None:
    for transport in ("", "lease"):
        text = read(render([two_transports.single(transport)])).text
        assert "What the transport changes" not in text
        assert f"prefork {TIMES}2, " not in text


def test_colour_shows_the_pool_and_line_and_fill_the_transport() -> None:
    [work, _] = two_transports.race().workloads
    series = of_one_race(work.pools, POOLS)
    for stock, lease in zip(series[::2], series[1::2], strict=True):
        assert (stock.pool.pool, stock.style.colour) == (lease.pool.pool, lease.style.colour)
        assert stock.style.dash != lease.style.dash
        assert stock.style.pattern != lease.style.pattern
    assert len({one.style for one in series}) == len(series)


def test_the_plot_has_a_dot_for_each_ratio_that_is_known() -> None:
    works = two_transports.race().workloads
    effects = [Effect(work=work, effect=one) for work in works for one in work.effects]
    unknown = replace(effects[0], effect=replace(effects[0].effect, makespan_ratio=None))
    drawn = effect_plot([unknown, *effects[1:]], POOLS, "lease/stock")
    assert [dot.x[0] for dot in drawn.data] == [
        pytest.approx(one.effect.makespan_ratio, abs=0.001) for one in effects[1:]
    ]


def test_a_file_of_an_earlier_poolwise_loads_and_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    result_files.write(sample.race(), path)
    old: dict[str, Any] = json.loads(path.read_text())
    del old["settings"]["transports"]
    for work in old["workloads"]:
        del work["verdicts"], work["effects"], work["verdict"]["transport"]
        for pool in work["pools"]:
            del pool["transport"]
    path.write_text(json.dumps(old))
    loaded = result_files.read(path, RaceResult)
    assert loaded == sample.race()
    assert "Transport not recorded" in read(render([loaded])).plain()
    assert "Race on bench-1" in render([loaded, two_transports.race()])


@pytest.mark.parametrize("transport", ["", "stock"])
def test_a_race_of_one_transport_is_the_baseline_of_the_same_in_another(transport: str) -> None:
    races = lettered([two_transports.single(transport), two_transports.race()])
    found = compared_pools(races, "burn")
    labels = [one.label for one in found]
    assert labels[:3] == [
        f"prefork {TIMES}2 · A",
        f"prefork {TIMES}2, stock · B",
        f"prefork {TIMES}2, lease · B",
    ]
    assert [one.baseline is found[0] for one in found[:3]] == [False, True, False]
    assert found[2].baseline is None


def test_races_of_one_transport_each_are_compared_with_each_other() -> None:
    races = lettered([two_transports.single("stock"), two_transports.single("lease")])
    found = compared_pools(races, "burn")
    assert [one.baseline is None for one in found] == [True, False] * 3


def test_an_effect_on_a_pool_that_is_missing_has_no_figures() -> None:
    race = two_transports.race()
    work = race.workloads[0]
    strange = tuple(replace(one, pool="other", concurrency=7) for one in work.effects)
    text = read(render([replace(race, workloads=(replace(work, effects=strange),))])).text
    assert f"other {TIMES}7" in text
