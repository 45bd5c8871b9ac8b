"""The report in a real browser, wide and narrow: it fits, logs no error and loads nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from lab.report import render
from lab.results.race import PoolResult, RaceResult
from tests.chromium import Visit
from tests.pages.checks import DRAWN, TITLES, check_whole
from tests.unit.lab.report import sample, two_transports

#: A long name without spaces, which is also markup.
BAD = "<img src=http://127.0.0.1:9/x onerror=console.error(1)>" + "w" * 200


@pytest.fixture(
    scope="module",
    params=["one race", "two races", "a hard race", "two transports", "one and two transports"],
)
def html(request: pytest.FixtureRequest) -> str:
    results: dict[str, Callable[[], list[RaceResult]]] = {
        "one race": lambda: [sample.race()],
        "two races": lambda: [sample.race(), sample.race(host="bench-2", seed=9, slower=1.3)],
        "a hard race": lambda: [_hard_race()],
        "two transports": lambda: [two_transports.race()],
        "one and two transports": lambda: [two_transports.single(), two_transports.race()],
    }
    return render(results[str(request.param)]())


def test_the_page_logs_no_error_loads_nothing_and_fits(visit: Visit) -> None:
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


def test_tables_and_verdicts_are_shown_without_javascript(browser: Browser, tmp_path: Path) -> None:
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


def test_a_browser_that_cannot_unpack_the_plots_says_so(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(render([sample.race()]), encoding="utf-8")
    page = browser.new_page()
    page.add_init_script("delete window.DecompressionStream")
    page.goto(path.as_uri())
    page.wait_for_function("document.querySelector('.plot').textContent")
    said = page.inner_text(".plot >> nth=0")
    page.close()
    assert said.startswith("This browser cannot unpack the plots: ReferenceError")


def _hard_race() -> RaceResult:
    """Everything that is hard to show: a dead worker, many tasks, and names that are markup."""
    whole = sample.race()
    dying, crowded = whole.workloads[0], whole.workloads[1]
    pools = (replace(dying.pools[0], pool=BAD), sample.pool_without_a_finish(), *dying.pools[2:])
    dying = replace(dying, title=BAD, task_label=BAD, pools=pools)
    return replace(
        whole,
        interrupted=True,
        host=replace(whole.host, name=BAD),
        workloads=(dying, replace(crowded, pools=_many_tasks()), *whole.workloads[2:]),
    )


def _many_tasks() -> tuple[PoolResult, PoolResult]:
    """A pool with 100 slots and more tasks than are drawn, and one that is 100 times slower."""
    slow = replace(sample.IO[0], concurrency=1, lanes=1)
    return sample.pool_of(slow, tasks=400), sample.pool_of(sample.IO[2], tasks=2500)
