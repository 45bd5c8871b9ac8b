"""The pictures of pages in README: a real race and a real lesson, opened in a real browser.

`make screenshots` saves them. Without it, a shorter race is checked and no picture is kept.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.chromium import Visit
from tests.command import poolwise
from tests.pages.checks import DRAWN, check_whole, visiting

#: Where to save the pictures for the docs, if at all.
PICTURES = os.environ.get("POOLWISE_SCREENSHOTS", "")
WIDTH_PX = 1280
#: Seconds that a default race may take on a busy machine.
BOUND_S = 240.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture of the top of a page, and the command that writes the page."""

    name: str
    height_px: int
    command: tuple[str, ...]
    page: str  # the page's file in the folder of the run


RACE = ("race",) if PICTURES else ("race", "--quick", "--workloads", "burn")
SHOWN = (
    Picture(name="report", height_px=1330, command=RACE, page="report.html"),
    Picture(
        name="lesson",
        height_px=960,
        command=("learn", "deadlock", "--no-predict"),
        page="deadlock.html",
    ),
)


@pytest.mark.timeout(BOUND_S + 60)
@pytest.mark.parametrize("picture", SHOWN, ids=lambda picture: picture.name)
def test_the_page_of_a_real_run_is_drawn_and_fits(
    picture: Picture, page: Page, tmp_path: Path
) -> None:
    done = poolwise(*picture.command, cwd=tmp_path, timeout_s=BOUND_S)
    assert done.returncode == 0, done.stderr
    [written] = tmp_path.glob(f"runs/*/{picture.page}")
    with visiting(page, written.read_text(encoding="utf-8"), tmp_path, WIDTH_PX) as visit:
        check_whole(visit)
        marks = page.evaluate(DRAWN)
        assert marks
        assert min(marks) > 0
        _save(picture, visit)


def _save(picture: Picture, visit: Visit) -> None:
    if PICTURES:
        visit.page.set_viewport_size({"width": WIDTH_PX, "height": picture.height_px})
        visit.page.screenshot(path=Path(PICTURES) / f"{picture.name}.png")
