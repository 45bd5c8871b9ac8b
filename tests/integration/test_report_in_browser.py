"""The report in a real browser, wide and narrow: drawn whole, quiet, loading nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from lab.report import render
from lab.results import RaceResult
from tests.unit.report import sample

WIDTHS_PX = (1280, 390)
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")

#: Texts that reach out of their plot, by name; half a pixel is rounding.
CLIPPED = """() => [...document.querySelectorAll('.plot text')].filter(text => {
  const box = text.getBoundingClientRect();
  const plot = text.closest('.plot').getBoundingClientRect();
  return box.width > 0 && (box.left < plot.left - 0.5 || box.right > plot.right + 0.5
    || box.top < plot.top - 0.5 || box.bottom > plot.bottom + 0.5);
}).map(text => text.textContent)"""
#: Pairs of texts of one plot that lie on each other.
OVERLAPPING = """() => [...document.querySelectorAll('.plot')].flatMap(plot => {
  const texts = [...plot.querySelectorAll('text')].filter(t => t.textContent.trim());
  const boxes = texts.map(text => text.getBoundingClientRect());
  const hits = [];
  boxes.forEach((a, i) => boxes.forEach((b, j) => {
    if (i < j && a.left < b.right - 1 && b.left < a.right - 1
        && a.top < b.bottom - 3 && b.top < a.bottom - 3)
      hits.push(texts[i].textContent + ' / ' + texts[j].textContent);
  }));
  return hits;
})"""
#: HTML elements wider than the screen that no scrolling box holds.
TOO_WIDE = """() => [...document.querySelectorAll('main *')].filter(element =>
  !element.closest('.scroll, .plot, details:not([open])') && !element.matches('.unseen')
  && element.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5
).map(element => element.outerHTML.slice(0, 120))"""
DRAWN = """() => [...document.querySelectorAll('.plot')].map(plot =>
  plot.querySelectorAll('.trace path, .bars path, .scatterlayer path').length)"""
TITLES = """() => [...document.querySelectorAll('.plot')].map(plot => [
  [...plot.querySelectorAll('[class^=infolayer] [class*=x][class$=title]')].length,
  [...plot.querySelectorAll('[class^=infolayer] [class*=y][class$=title]')].length])"""


@dataclass(slots=True)
class Visit:
    """An open page, with what it complained of and what it asked for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    asked_for: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=list(FLAGS)
        )
        yield chromium
        chromium.close()


@pytest.fixture(
    scope="module",
    params=["one race", "two races", "a race with a death", "hostile names", "many tasks"],
)
def results(request: pytest.FixtureRequest) -> list[RaceResult]:
    return {
        "one race": [sample.race()],
        "two races": [sample.race(), sample.race(host="bench-2", seed=9, slower=1.3)],
        "a race with a death": [_with_a_death()],
        "hostile names": [_hostile()],
        "many tasks": [_with_many_tasks()],
    }[str(request.param)]


@pytest.fixture(scope="module", params=WIDTHS_PX, ids=[f"{width} px" for width in WIDTHS_PX])
def visit(
    request: pytest.FixtureRequest,
    browser: Browser,
    results: list[RaceResult],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Visit]:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render(results), encoding="utf-8")
    page = browser.new_page(viewport={"width": int(request.param), "height": 900})
    seen = Visit(page=page)
    page.on("console", lambda message: seen.complaints.append(message.text))
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.on("request", lambda asked: seen.asked_for.append(asked.url))
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-drawn]", timeout=60_000)
    yield seen
    page.close()


def test_the_page_is_quiet_whole_and_fits(visit: Visit) -> None:
    page = visit.page
    assert visit.complaints == []
    assert [url for url in visit.asked_for if not url.startswith("file://")] == []
    width_px, room_px = page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert width_px <= room_px
    assert page.evaluate(TOO_WIDE) == []
    assert page.evaluate(CLIPPED) == []
    assert page.evaluate(OVERLAPPING) == []


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
