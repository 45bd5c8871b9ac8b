"""The page of advice shows the answer first, then everything that it is based on."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from lab.advise.table import show
from lab.format.advice import answer_lines, cells
from lab.report.advice import render
from lab.report.plots.knee import knee
from tests.unit.lab.advise import sample
from tests.unit.lab.report.reading import read

BAD = "<img src=x onerror=alert(1)>"


def test_the_page_shows_answer_candidates_warnings_and_what_to_paste() -> None:
    text = read(render(sample.result())).plain()
    order = (
        "celery -A shop worker --pool gevent --concurrency 100 --prefetch-multiplier 2",
        "Run 2 of these workers, with the names worker1@%h to worker2@%h.",
        "Confidence: high",
        "3 of 96 runs failed [unsafe-in-threads]",
        "unsafe: see the warning",
        "replicas: 2",
        "celery-worker@1 celery-worker@2",
        "kind: Deployment",
        "poolwise advise -A shop shop.fetch --seed 3",
    )
    places = [text.index(one) for one in order]
    assert places == sorted(places)


def test_the_terminal_shows_the_same_answer_and_warnings() -> None:
    console = Console(file=StringIO(), width=120)
    show(sample.result(), console)
    assert isinstance(console.file, StringIO)
    text = console.file.getvalue()
    for line in ("← recommended", "Confidence: high", "[unsafe-in-threads]", "905/s"):
        assert line in text


def test_errors_in_the_probe_are_shown_next_to_their_candidate() -> None:
    broken = replace(sample.trial(118.0), probe_errors=7)
    candidates = (replace(sample.CANDIDATES[0], trials=(broken,)), *sample.CANDIDATES[1:])
    result = sample.result(candidates=candidates)
    assert "7 errors in the probe" in read(render(result)).plain()
    console = Console(file=StringIO(), width=160)
    show(result, console)
    assert isinstance(console.file, StringIO)
    assert console.file.getvalue().count("7 errors in the probe") == 1


@pytest.mark.parametrize(
    ("without", "why"),
    [
        ({}, "see the table and the warnings"),
        ({"candidates": ()}, "see the warnings"),
        ({"candidates": (), "warnings": ()}, "no pool was measured"),
        (
            {"candidates": (), "warnings": (), "interrupted": True},
            "stopped before any pool was measured",
        ),
    ],
)
def test_without_an_answer_the_page_says_why(without: dict[str, Any], why: str) -> None:
    nothing = replace(sample.result(), answer=None, **without)
    [said] = answer_lines(nothing)
    assert said.endswith(f"{why}.")
    assert said in read(render(nothing)).plain()


def test_a_name_that_is_markup_is_escaped() -> None:
    html = render(sample.result(task=BAD))
    assert BAD not in html
    assert escape(BAD) in html


def test_what_runs_today_with_flags_of_its_own_has_a_line_of_its_own() -> None:
    named = [("prefork", 1), ("threads", 1), ("threads", 2), ("gevent", 1), ("gevent", 2)]
    plain = tuple(sample.candidate(pool, 4, [9.0], workers=workers) for pool, workers in named)
    today = (
        sample.candidate("prefork", 4, [5.0], flags=("--max-tasks-per-child", "1")),
        sample.candidate("solo", 1, [3.0]),
    )
    lines = [line.name for line in knee(sample.result(candidates=(*plain, *today))).data]
    assert lines[:5] == ["prefork", "threads", "2 × threads", "gevent", "2 × gevent"]
    assert lines[5].startswith("prefork --max-tasks")
    assert lines[6:] == ["solo"]


def test_an_answer_of_no_workers_still_has_a_page() -> None:
    result = sample.result()
    assert result.answer is not None
    edited = replace(result, answer=replace(result.answer, workers=0))
    assert "celery -A shop worker" in read(render(edited)).text


def test_the_figures_are_those_of_all_trials() -> None:
    usual, slow = sample.trial(118.0), replace(sample.trial(118.0), p95_s=9.0, busy=0.1)
    candidate = replace(sample.CANDIDATES[0], trials=(usual, usual, slow))
    shown = cells(sample.result(), candidate)
    assert shown == cells(sample.result(), replace(candidate, trials=(usual, usual, usual)))
