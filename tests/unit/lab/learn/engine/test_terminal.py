"""What came of a lesson is all told, and a learner's guess is answered."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from lab.learn.engine import terminal
from lab.results.lesson import LessonResult
from tests.unit.lab.learn.engine.sample import result, scene


def closed(one: LessonResult, width: int = 100) -> str:
    file = io.StringIO()
    terminal.close(one, Console(file=file, width=width))
    return " ".join(file.getvalue().split())


@pytest.mark.parametrize("width", [40, 80, 140])
def test_figures_verdict_lecture_and_next_steps_are_all_there(width: int) -> None:
    said = closed(result(), width)
    for words in (
        "What became of it",
        "1.50 s",
        "99 of 100 lost",
        "They were lost. A lock lost none.",
        "The lecture says so.",
        "poolwise learn gil --pause-ms 0",
    ):
        assert words in said


def test_each_next_step_has_a_line_of_its_own() -> None:
    steps = ("poolwise learn gil --pause-ms 0", "poolwise learn gil --pools prefork")
    file = io.StringIO()
    terminal.close(replace(result(), turn_next=steps), Console(file=file, width=60))
    lines = [line.rstrip() for line in file.getvalue().splitlines()]
    assert lines[-3:] == ["Try next:", *(f"  {step}" for step in steps)]


def test_signs_and_names_are_explained_once_in_each_lesson_before_they_appear() -> None:
    file = io.StringIO()
    console = Console(file=file, width=100)
    with terminal.LessonTerminal(console, Console(file=io.StringIO())) as shows:
        for _ in range(2):
            shows.began("What is learnt", "What is run.")
            shows.shown(scene())
            shows.shown(scene())
    said = file.getvalue()
    assert said.count("─── waits for a timer") == said.count(": worker process/thread") == 2
    assert said.index("waits for a timer") < said.index("threads: pause")


def test_a_claim_that_does_not_hold_is_marked_and_listed() -> None:
    bad = result(holds=False)
    assert "✗ threads lose updates" in closed(bad)
    assert terminal.failed(bad.findings) == ["threads lose updates; measured: 99 of 100 lost"]
    assert not bad.holds
    assert terminal.failed(result().findings) == []


def test_several_lessons_are_summed_up_line_by_line() -> None:
    file = io.StringIO()
    left_out = replace(result(), findings=replace(result().findings, skipped="no Python"))
    terminal.summary([result(), result(holds=False), left_out], Console(file=file, width=80))
    lines = [" ".join(line.split()) for line in file.getvalue().splitlines()]
    assert lines == [
        "✓ gil 12.0 s 1 of 1 claims confirmed",
        "✗ gil 12.0 s 0 of 1 claims confirmed",
        "– gil 12.0 s no Python",
        "2 lessons in 36.0 s, 1 skipped",
    ]
