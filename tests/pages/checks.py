"""Checks of HTML pages in a real browser, wide and narrow: errors, requests and layout."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page

from tests.chromium import Visit, listening

WIDTHS_PX = (1280, 390)

#: Texts that extend beyond their plot; half a pixel is rounding.
CLIPPED = """() => [...document.querySelectorAll('.plot text')].filter(text => {
  const box = text.getBoundingClientRect();
  const plot = text.closest('.plot').getBoundingClientRect();
  return box.width > 0 && (box.left < plot.left - 0.5 || box.right > plot.right + 0.5
    || box.top < plot.top - 0.5 || box.bottom > plot.bottom + 0.5);
}).map(text => text.textContent)"""
#: Pairs of texts in one plot that overlap.
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
#: HTML elements that extend beyond the screen and are not inside a scrolling box.
TOO_WIDE = """() => [...document.querySelectorAll('main *')].filter(element =>
  !element.closest('.scroll, .plot, details:not([open])') && !element.matches('.unseen')
  && element.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5
).map(element => element.outerHTML.slice(0, 120))"""
DRAWN = """() => [...document.querySelectorAll('.plot')].map(plot =>
  plot.querySelectorAll('.trace path, .bars path, .scatterlayer path').length)"""
TITLES = """() => [...document.querySelectorAll('.plot')].map(plot => [
  [...plot.querySelectorAll('[class^=infolayer] [class*=x][class$=title]')].length,
  [...plot.querySelectorAll('[class^=infolayer] [class*=y][class$=title]')].length])"""


@contextmanager
def visiting(page: Page, html: str, folder: Path, width_px: int) -> Iterator[Visit]:
    """Open a page `width_px` wide and wait until its plots are drawn."""
    path = folder / "page.html"
    path.write_text(html, encoding="utf-8")
    page.set_viewport_size({"width": width_px, "height": 900})
    seen = Visit(page=page)
    with listening(seen):
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-drawn]", timeout=60_000)
        yield seen


def check_whole(visit: Visit) -> None:
    """Fail if the page logs an error, loads anything, or does not fit its width."""
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
