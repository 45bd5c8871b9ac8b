"""A lesson's page shows what the terminal shows, and its text cannot inject markup."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.report.lesson import render
from lab.results.lesson import Findings
from tests.unit.lab.learn.engine.sample import result, scene
from tests.unit.lab.report.reading import read


def test_the_page_has_question_timeline_measurements_verdict_and_lecture() -> None:
    page = render(result(chosen=1))
    for words in (
        "How many?",
        "You expected “few”: right.",
        "threads: pause",
        "What became of it",
        "99 of 100 lost",
        "They were lost. A lock lost none.",
        "The lecture says so.",
        "poolwise learn gil --pause-ms 0",
    ):
        assert words in page


@pytest.mark.parametrize("chosen", [None, 0, 1])
def test_the_right_answer_is_marked_with_or_without_a_prediction(chosen: int | None) -> None:
    page = read(render(result(chosen=chosen))).plain()
    assert "[a] all [b] few ✓" in page
    assert ("You expected" in page) is (chosen is not None)


def test_a_wait_cycle_is_drawn() -> None:
    assert "first waits for lock b, which second holds" in render(result())
    assert 'class="cycle"' not in render(result(scenes=(scene(),)))


def test_a_claim_that_does_not_hold_is_marked() -> None:
    assert "not confirmed" in render(result(holds=False))
    assert "not confirmed" not in render(result())


def test_text_cannot_inject_markup() -> None:
    hostile = replace(result(), title="<script>alert(1)</script>", setting="</script><b>x")
    page = render(hostile)
    assert "<script>alert(1)" not in page
    assert "</script><b>" not in page


def test_a_skipped_lesson_says_why_and_shows_no_measurements() -> None:
    findings = Findings(tables=(), claims=(), verdict="", skipped="no such Python was named")
    page = render(replace(result(), scenes=(), findings=findings))
    assert "Skipped: no such Python was named" in page
    assert "Measurements" not in page
