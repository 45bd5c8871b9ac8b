"""A lesson's page in a real browser: every scene is drawn, nothing complains, all of it fits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.report.lesson import render
from lab.results.lesson import Lane, LessonResult, Scene
from tests.chromium import Visit
from tests.integration.pages import DRAWN, check_whole
from tests.unit.lab.learn.engine.sample import CYCLE, result, scene

LONG = "<img src=http://127.0.0.1:9/x onerror=console.error(1)>" + "w" * 200
SCENES = (scene(), scene(3, waits_for=CYCLE), scene(14), scene(100))


def hostile() -> LessonResult:
    """Names that are long, unbroken, and markup."""
    lanes = tuple(Lane(node=f"{LONG}@here", slot=LONG) for _ in range(2))
    bars = tuple(replace(bar, what=LONG, who=LONG) for bar in scene().bars)
    waits = tuple(replace(wait, who=f"task {n}") for n, wait in enumerate(CYCLE))
    bad = Scene(title=LONG, caption=LONG, lanes=lanes, bars=bars, waits_for=waits)
    return replace(result(holds=False), title=LONG, setting=LONG, lecture=LONG, scenes=(bad,))


TAUGHT = {
    "a lesson": result(chosen=0, scenes=SCENES),
    "hostile, and not borne out": hostile(),
}


@pytest.fixture(scope="module", params=TAUGHT)
def taught(request: pytest.FixtureRequest) -> LessonResult:
    return TAUGHT[str(request.param)]


@pytest.fixture(scope="module")
def html(taught: LessonResult) -> str:
    return render(taught)


def test_the_page_is_quiet_whole_and_fits(visit: Visit) -> None:
    check_whole(visit)


def test_every_scene_is_drawn(visit: Visit, taught: LessonResult) -> None:
    marks = visit.page.evaluate(DRAWN)
    assert len(marks) == len(taught.scenes)
    assert min(marks) > 0
    circles = visit.page.locator("svg.cycle").count()
    assert circles == sum(bool(one.waits_for) for one in taught.scenes)
