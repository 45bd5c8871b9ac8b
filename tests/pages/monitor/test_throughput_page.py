"""The Throughput page in a real browser, with a real Flower and real workers of all pools.

The tests share one cluster and depend on their order: empty, loaded, restarted.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from cluster.wait import wait_until
from monitor.history.histogram import ERROR
from producer.statistics import percentiles
from tests.pages.monitor.conftest import BOUND_S, SLOTS, OpenPage, Theme, Watched
from worker.pools import DEFAULT_POOLS

#: Where to save the pictures for the docs, if at all. A longer load makes better pictures.
PICTURES = os.environ.get("POOLWISE_SCREENSHOTS", "")
LOAD_S = 75.0 if PICTURES else 6.0
#: The pictures taken under load: name, width in pixels, theme.
SHOWN: tuple[tuple[str, int, Theme], ...] = (
    ("light", 1280, "light"),
    ("dark", 1280, "dark"),
    ("phone", 390, "light"),
)
RATES = {"prefork": 40.0, "threads": 60.0, "gevent": 100.0}

DRAWN = """() => [...document.querySelectorAll('#tp-rate .scatterlayer .trace path.js-line')]
  .filter(path => path.getBoundingClientRect().width > 0).length"""
TITLES = """() => [...document.querySelectorAll('.tp-chart')].filter(one => one.offsetParent)
  .map(one => [...one.querySelectorAll('.xtitle, .ytitle')].map(title => title.textContent))"""
WIDTHS = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"


def total_of(found: dict[str, Any], pool: str) -> float:
    """Add up the tasks of a pool over all points."""
    until_s = found["now"] - 0.6
    seconds: list[int] = [
        max(0, min(at + found["step_s"], int(until_s)) - at) for at in found["at"]
    ]
    values: list[float | None] = found["lines"][pool]["finished_per_s"]
    return sum(float(value or 0) * int(n) for value, n in zip(values, seconds, strict=True))


def test_without_load_the_page_suggests_commands(watched: Watched, open_page: OpenPage) -> None:
    seen = open_page(f"{watched.url}/throughput")
    seen.wait("live")
    page = seen.page
    assert page.inner_text("#tp-empty h2") == "No task has finished in the last 15 minutes."
    assert f"poolwise race --quick --broker {watched.cluster.broker_url}" in page.inner_text(
        "#tp-empty"
    )
    seen.wait_for("document.querySelectorAll('#tp-table tbody tr').length === 3")
    assert "3 workers are ready" in page.inner_text("#tp-empty")
    for name in ("pool", "worker", "task"):
        assert page.locator(f"#tp-{name} option").first.inner_text() == f"all {name}s"
    assert not page.is_visible("#tp-rate")
    assert page.is_visible("#tp-memory")
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / "throughput-empty.png")
    assert seen.complaints == []


def test_under_load_all_pools_are_drawn_with_the_ledgers_counts(
    watched: Watched, open_page: OpenPage, browser: Browser
) -> None:
    seen = open_page(f"{watched.url}/throughput?range_s=900")
    seen.wait("live")
    with ThreadPoolExecutor(1) as executor:
        load = executor.submit(watched.run, LOAD_S, RATES)
        seen.wait_for("document.querySelector('#tp-empty').hidden")
        _wait_for_arrivals(watched, lambda rate: rate > 0.5 * sum(RATES.values()))
        _pictures(watched, browser)
        closed = load.result()
    _wait_for_arrivals(watched, lambda rate: rate == 0)
    total = sum(len(totals.finished) for totals in closed.values())
    seen.wait_for(f"document.querySelector('#tp-finished').textContent.startsWith('{total:,} ')")
    found = watched.data()
    for pool, totals in closed.items():
        assert total_of(found, pool) == pytest.approx(len(totals.finished), rel=0.02)
    seen.wait_for(f"({DRAWN})() === {len(DEFAULT_POOLS)}")
    assert all(len(titles) == 2 for titles in seen.page.evaluate(TITLES))
    assert [url for url in seen.asked_for if not url.startswith(watched.url)] == []
    assert seen.complaints == []
    tiles = seen.page.locator("#tp-tiles [data-pool]")
    assert [one.get_attribute("data-pool") for one in tiles.all()] == list(DEFAULT_POOLS)
    for pool, slots in SLOTS.items():
        assert f"of {slots} slots busy" in seen.page.inner_text(f"#tp-tiles [data-pool={pool}]")


def _wait_for_arrivals(watched: Watched, wanted: Callable[[float], bool]) -> None:
    """Wait until the rate at which tasks arrive is known and as `wanted`."""
    seen: list[float | None] = []

    def arrives() -> bool:
        seen.append(watched.data()["recent"]["arrived_per_s"])
        return seen[-1] is not None and wanted(seen[-1])

    wait_until(arrives, BOUND_S, lambda: AssertionError(f"arrived per second: {seen}"))


def _pictures(watched: Watched, browser: Browser) -> None:
    """Take the pictures for the docs, if wanted, once there is a minute of data."""
    if PICTURES:
        wait_until(
            lambda: watched.data()["finished"] > 58 * sum(RATES.values()),
            LOAD_S,
            lambda: AssertionError(f"only {watched.data()['finished']} finished"),
        )
        for name, width_px, theme in SHOWN:
            shown = browser.new_page(
                viewport={"width": width_px, "height": 900}, color_scheme=theme
            )
            shown.goto(f"{watched.url}/throughput?range_s=60")
            shown.wait_for_function(f"({DRAWN})() === {len(DEFAULT_POOLS)}")
            path = Path(PICTURES) / f"throughput-{name}.png"
            shown.screenshot(path=path, full_page=name != "phone")
            shown.close()


def test_percentiles_match_those_of_the_records(watched: Watched) -> None:
    totals = watched.run(2.0, {"threads": 60.0})["threads"]
    lasts = [r.finished for r in totals.finished]
    second = int(lasts[len(lasts) // 2])
    exact = [r.finished - r.due for r in totals.finished if r.due and int(r.finished) == second]

    def bins() -> dict[int, float | None] | None:
        found = watched.data(range_s="60")
        p95 = found["lines"]["threads"]["p95_s"]
        return dict(zip(found["at"], p95, strict=True)) if second in found["at"] else None

    found = wait_until(bins, 10, lambda: AssertionError(f"no bin for {second}")) or {}
    [p95_s] = percentiles(exact, 95)
    assert found[second] == pytest.approx(p95_s, rel=ERROR + 1e-3)


def test_filters_sorting_and_pause_work(watched: Watched, open_page: OpenPage) -> None:
    seen = open_page(f"{watched.url}/throughput")
    seen.wait("live")
    page = seen.page
    page.select_option("#tp-pool", "gevent")
    seen.wait_for("document.querySelectorAll('#tp-table tbody tr').length === 1")
    assert "pool=gevent" in page.url
    page.select_option("#tp-task", "cpu.burn")
    seen.wait_for("!document.querySelector('#tp-empty').hidden")
    page.click("#tp-clear")
    seen.wait_for("document.querySelectorAll('#tp-table tbody tr').length === 3")
    page.select_option("#tp-by", "worker")
    seen.wait_for(
        "document.querySelector('#tp-rate-legend').textContent.includes('gevent@poolwise')"
    )
    page.click("#tp-table th button >> text=MB")
    sizes = page.locator("#tp-table tbody tr td:nth-child(8)").all_inner_texts()
    assert sizes == sorted(sizes, key=int, reverse=True)
    page.click("#tp-pause")
    seen.wait("paused")
    before = len(seen.asked_for)
    page.click("#tp-pause")
    seen.wait("live")
    assert len(seen.asked_for) > before
    assert seen.complaints == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_fits_a_phone_in_flowers_light_and_dark_theme(
    watched: Watched, open_page: OpenPage, theme: Theme
) -> None:
    seen = open_page(f"{watched.url}/throughput", 390, theme)
    seen.wait("live")
    width_px, room_px = seen.page.evaluate(WIDTHS)
    assert width_px <= room_px
    assert seen.page.get_attribute("html", "data-bs-theme") == theme
    ink = seen.page.evaluate("getComputedStyle(document.body).color")
    drawn = seen.page.evaluate("getComputedStyle(document.querySelector('#tp-rate .xtitle')).fill")
    assert drawn == ink


def test_the_page_recovers_from_a_restart_of_flower(watched: Watched, open_page: OpenPage) -> None:
    seen = open_page(f"{watched.url}/throughput")
    seen.wait("live")
    before = watched.data()["finished"]
    watched.flower.kill()
    seen.wait("reconnecting")
    assert "Last seen at" in seen.page.inner_text("#tp-status")
    assert "Flower does not answer" in seen.page.inner_text("#tp-troubles")
    opacity = seen.page.evaluate("getComputedStyle(document.querySelector('#tp-tiles')).opacity")
    assert float(opacity) < 1  # old figures must not look live
    watched.restart_flower()
    seen.wait("live")
    watched.run(1.0, {"gevent": 50.0})
    # The stream keeps at least a minute, so the new Flower sees what the old one just saw.
    wait_until(
        lambda: watched.data()["finished"] >= min(before, 1) + 50,
        10,
        lambda: AssertionError("the restarted Flower does not see new tasks"),
    )
    seen.wait_for(f"({DRAWN})() === {len(DEFAULT_POOLS)}")


def test_the_page_recovers_from_a_restart_of_the_broker(
    watched: Watched, open_page: OpenPage
) -> None:
    seen = open_page(f"{watched.url}/throughput")
    seen.wait("live")
    before = watched.data()["finished"]
    watched.broker.kill()
    seen.wait("waiting")
    assert "Cannot read records from" in seen.page.inner_text("#tp-troubles")
    values = seen.page.locator("#tp-tiles .metric-value").all_inner_texts()
    assert [value.split()[0] for value in values[:-1]] == ["–"] * (1 + len(DEFAULT_POOLS))
    seen.wait_for("document.getElementById('tp-rate').layout.shapes.length === 1")  # the outage
    watched.restart_broker()
    seen.wait("live")
    seen.wait_for("!document.querySelector('#tp-troubles .tp-error')")
    watched.run(1.0, {"threads": 50.0})
    wait_until(
        lambda: watched.data()["finished"] >= before + 50,
        10,
        lambda: AssertionError(f"{before} before, now {watched.data()['finished']}"),
    )
