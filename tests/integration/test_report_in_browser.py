"""The report in a real browser, wide and narrow: drawn whole, quiet, loading nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from lab.report import render
from lab.results import RaceResult
from tests.integration.pages import DRAWN, TITLES, WIDTHS_PX, Visit, browser, check_whole, visiting
from tests.unit.report import sample

__all__ = ["browser"]


@pytest.fixture(
    scope="module",
    params=["one race", "two races", "a race with a death", "hostile names", "many tasks"],
)
def html(request: pytest.FixtureRequest) -> str:
    results: dict[str, Callable[[], list[RaceResult]]] = {
        "one race": lambda: [sample.race()],
        "two races": lambda: [sample.race(), sample.race(host="bench-2", seed=9, slower=1.3)],
        "a race with a death": lambda: [_with_a_death()],
        "hostile names": lambda: [_hostile()],
        "many tasks": lambda: [_with_many_tasks()],
    }
    return render(results[str(request.param)]())


@pytest.fixture(scope="module", params=WIDTHS_PX, ids=[f"{width} px" for width in WIDTHS_PX])
def visit(
    request: pytest.FixtureRequest,
    browser: Browser,
    html: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Visit]:
    folder = tmp_path_factory.mktemp("report")
    with visiting(browser, html, folder, int(request.param)) as seen:
        yield seen


def test_the_page_is_quiet_whole_and_fits(visit: Visit) -> None:
    check_whole(visit)


def test_every_plot_is_drawn_with_titled_axes(visit: Visit) -> None:
    marks, titles = visit.page.evaluate(DRAWN), visit.page.evaluate(TITLES)
    assert len(marks) >= 4
    assert min(marks) > 0
    assert all(across > 0 and up > 0 for across, up in titles)


def test_opened_details_do_not_widen_the_page(visit: Visit) -> None:
    visit.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    width_px, room_px = visit.page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert width_px <= room_px


def test_tables_and_verdicts_stand_without_javascript(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(render([sample.race()]), encoding="utf-8")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    text = page.inner_text("main")
    context.close()
    assert sample.race().workloads[0].verdict.sentence in text
    assert "120 of 120" in text
    assert "The plots need JavaScript" in text


def _with_a_death() -> RaceResult:
    whole = sample.race()
    work = whole.workloads[0]
    pools = (work.pools[0], sample.pool_without_a_finish(), *work.pools[2:])
    return replace(whole, interrupted=True, workloads=(replace(work, pools=pools),))


def _with_many_tasks() -> RaceResult:
    """A hundred slots, and more tasks than are drawn; beside it a pool a hundred times slower."""
    whole = sample.race()
    work = whole.workloads[1]
    slow = replace(sample.IO[0], concurrency=1, lanes=1)
    pools = (sample.pool_of(slow, tasks=400), sample.pool_of(sample.IO[2], tasks=2500))
    return replace(whole, workloads=(replace(work, pools=pools),))


def _hostile() -> RaceResult:
    """Names that are long, unbroken, and markup."""
    name = "<img src=http://127.0.0.1:9/x onerror=console.error(1)>" + "w" * 200
    whole = sample.race()
    work = whole.workloads[0]
    pools = (replace(work.pools[0], pool=name), *work.pools[1:])
    work = replace(work, title=name, task_label=name, pools=pools)
    return replace(whole, host=replace(whole.host, name=name), workloads=(work,))
