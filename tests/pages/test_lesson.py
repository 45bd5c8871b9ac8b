"""A lesson's page in a real browser: every scene is drawn, no error is logged, all of it fits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.report.lesson import render
from lab.results.lesson import Lane, LessonResult, Scene
from tests.chromium import Visit
from tests.pages.checks import DRAWN, check_whole
from tests.unit.lab.learn.engine.sample import CYCLE, result, scene

LONG = "<img src=http://127.0.0.1:9/x onerror=console.error(1)>" + "w" * 200
SCENES = (scene(), scene(3, waits_for=CYCLE), scene(14), scene(100))


def hostile() -> LessonResult:
    """A lesson with long names without spaces, which are also markup."""
    lanes = tuple(Lane(node=f"{LONG}@here", slot=LONG) for _ in range(2))
    bars = tuple(replace(bar, what=LONG, who=LONG) for bar in scene().bars)
    waits = tuple(replace(wait, who=f"task {n}") for n, wait in enumerate(CYCLE))
    bad = Scene(title=LONG, caption=LONG, lanes=lanes, bars=bars, waits_for=waits)
    return replace(result(holds=False), title=LONG, setting=LONG, lecture=LONG, scenes=(bad,))


RESULTS = {
    "a lesson": result(chosen=0, scenes=SCENES),
    "hostile, with a claim that does not hold": hostile(),
}


@pytest.fixture(scope="module", params=RESULTS)
def lesson(request: pytest.FixtureRequest) -> LessonResult:
    return RESULTS[str(request.param)]


@pytest.fixture(scope="module")
def html(lesson: LessonResult) -> str:
    return render(lesson)


def test_the_page_logs_no_error_loads_nothing_and_fits(visit: Visit) -> None:
    check_whole(visit)


def test_every_scene_is_drawn(visit: Visit, lesson: LessonResult) -> None:
    marks = visit.page.evaluate(DRAWN)
    assert len(marks) == len(lesson.scenes)
    assert min(marks) > 0
    cycles = visit.page.locator("svg.cycle").count()
    assert cycles == sum(bool(one.waits_for) for one in lesson.scenes)
