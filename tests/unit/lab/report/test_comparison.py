"""The page that compares several races: what differs, and how each pool changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.format.words import TIMES
from lab.report import render
from lab.report.facts import differs, facts
from lab.results.race import RaceResult
from tests.unit.lab.report import sample
from tests.unit.lab.report.reading import read


@pytest.fixture
def slower() -> RaceResult:
    return sample.race(host="bench-2", seed=9, slower=1.3)


def test_each_race_and_each_of_its_pools_has_the_race_letter(slower: RaceResult) -> None:
    text = read(render([sample.race(), slower])).text
    for letter, host in (("A", "bench-1"), ("B", "bench-2")):
        assert f"{letter} Race on {host} {host}: 2 cores" in text
        assert f"prefork {TIMES}2 · {letter}" in text
        assert f"gevent {TIMES}100 · {letter}" in text


def test_only_what_differs_is_listed_as_a_difference(slower: RaceResult) -> None:
    text = read(render([sample.race(), slower])).text
    said = text[text.index("Differences: ") :].split(".")[0]
    assert said == (
        "Differences: Machine, Burn iterations per CPU ms, Digest rounds per CPU ms, Seed"
    )


def test_a_race_does_not_differ_from_itself() -> None:
    text = read(render([sample.race(), sample.race()])).text
    assert "No relevant differences." in text
    assert "No overall difference measured between A and B: B/A = 1.00 (" in text


def test_speeds_within_the_tolerance_count_as_equal() -> None:
    def rows(slower_by: float) -> list[str]:
        pair = (sample.race(), sample.race(slower=slower_by))
        both = zip(facts(pair[0]), facts(pair[1]), strict=True)
        return [row[0].label for row in both if differs(row)]

    assert rows(1.05) == []
    assert rows(1.2) == ["Burn iterations per CPU ms", "Digest rounds per CPU ms"]


def test_different_work_and_missing_workloads_are_reported(slower: RaceResult) -> None:
    burn, sleep, _ = slower.workloads
    other = replace(burn, task_label="burn.task, 80 tasks of 50 ms")
    text = read(render([sample.race(), replace(slower, workloads=(other, sleep))])).text
    assert (
        "The races ran different work: A: burn.task, 40 tasks of 100 ms; B: burn.task, 80" in text
    )
    assert "mixed.task, 60 tasks of 100 ms · not run in B" in text
    other = replace(burn, digest="0a1b2c3d")
    text = read(render([sample.race(), replace(slower, workloads=(other, sleep))])).text
    assert "burn.task, 40 tasks of 100 ms, but their arguments differ" in text


def test_an_interrupted_race_is_named_by_its_letter(slower: RaceResult) -> None:
    text = read(render([sample.race(), replace(slower, interrupted=True)])).text
    assert "Race B was interrupted" in text
    assert "Race A was interrupted" not in text


def test_a_pool_without_a_summary_is_not_compared(slower: RaceResult) -> None:
    burn = slower.workloads[0]
    pools = (burn.pools[0], sample.pool_without_a_finish())
    broken = replace(slower, workloads=(replace(burn, pools=pools),))
    text = read(render([sample.race(), broken])).text
    assert "not comparable" in text
    assert f"threads {TIMES}2 · B: {sample.DIED}" in text


def test_the_verdict_comes_before_the_details(slower: RaceResult) -> None:
    text = read(render([sample.race(), slower])).plain()
    verdict = text.index("B took 1.2")
    assert text.index("Verdict") < verdict < text.index("Run details")
    assert "Of 10 pools: 7 slower, 3 within noise." in text
    assert "sized to take the same CPU time on each machine" in text
    assert "sized to take" not in read(render([sample.race(), sample.race()])).text


def test_only_columns_that_count_something_are_shown(slower: RaceResult) -> None:
    clean = read(render([sample.race(), slower])).headings
    assert "factor" in clean
    assert not clean & {"failed", "lost", "timed out", "still queued", "run twice"}
    burn = slower.workloads[0]
    pools = (burn.pools[0], sample.pool_without_a_finish())
    broken = replace(slower, workloads=(replace(burn, pools=pools),))
    headings = read(render([sample.race(), broken])).headings
    assert {"lost", "still queued"} <= headings
    assert not headings & {"failed", "timed out", "run twice"}


def test_a_race_with_a_name_is_compared_with_one_without(slower: RaceResult) -> None:
    named = replace(slower, settings=replace(slower.settings, name="after the upgrade"))
    text = read(render([sample.race(), named])).plain()
    assert "A Race on bench-1" in text
    assert "B after the upgrade" in text


def test_two_runs_in_containers_were_not_on_different_machines() -> None:
    races = [sample.race(host="0f5da2ce1b7c"), sample.race(host="9ab1c2d3e4f5")]
    text = read(render(races)).plain()
    assert "0f5da2ce1b7c" not in text
    assert "No relevant differences." in text
