"""What the Throughput page shows in each state, in a real browser with a real Flower.

The states are made up, because many of them are hard to bring about.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Route

from cluster.broker import start_broker
from cluster.local import LocalCluster
from cluster.ports import free_port
from cluster.reaper import Reaper
from monitor.history.latency_start import latency_note
from tests.pages.monitor.made import NOW_S, STEP_S, answer, line, pool, worker

DATA = "**/throughput/data*"
#: The place of the upper edge of an element.
TOP = "selector => document.querySelector(selector).getBoundingClientRect().top"
HEIGHT = "selector => document.querySelector(selector).getBoundingClientRect().height"
#: Where the shaded outages of a chart begin and end, in seconds since 1970.
SHAPES = """id => document.getElementById(id).layout.shapes.map(
  shape => [shape.x0 / 1e3, shape.x1 / 1e3])"""
#: The keys of a chart's legend that one can see.
KEYS = """id => { const keys = document.querySelector(`#${id}-legend .tp-keys`);
  const end = keys.getBoundingClientRect().bottom;
  return [...keys.children].filter(one => one.getBoundingClientRect().top < end)
    .map(one => one.textContent); }"""

Show = Callable[..., Page]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a Flower without any worker and return the page's URL."""
    folder, registry = tmp_path_factory.mktemp("display"), Reaper()
    try:
        broker, broker_url = start_broker(folder, registry)
        with LocalCluster(folder, broker_url) as cluster:
            _, flower_url = cluster.start_flower(free_port())
            yield f"{flower_url}/throughput"
        broker.kill()
    finally:
        registry.close()


@pytest.fixture
def show(url: str, page: Page) -> Iterator[Show]:
    """Return a function that shows a made-up answer on the page, at a width, with a query."""
    page.emulate_media(color_scheme="light")

    def show_it(found: dict[str, Any], query: str = "", width_px: int = 1280) -> Page:
        def reply(route: Route) -> None:
            route.fulfill(body=json.dumps(found), content_type="application/json")

        page.set_viewport_size({"width": width_px, "height": 900})
        page.route(DATA, reply)
        page.goto(f"{url}{query}")
        page.wait_for_selector("#tp-tiles article")
        page.wait_for_selector("#tp-memory .xtitle", state="attached")
        return page

    yield show_it
    page.unroute_all(behavior="ignoreErrors")
    page.goto("about:blank")


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("duration(0.0042)", "4.2 ms"),
        ("duration(99.5)", "99.5 s"),
        ("duration(99.96)", "100 s"),
        ("duration(119.4)", "119 s"),
        ("duration(119.6)", "2 min 0 s"),
        ("duration(3599.6)", "1 h 0 min"),
        ("duration(null)", "–"),
        ("about(0.195)", "≈ 200 ms"),
        ("about(0.236)", "≈ 240 ms"),
        ("about(0.0042)", "≈ 4.2 ms"),
        ("about(0.0001)", "≤ 0.1 ms"),
        ("about(0.999)", "≈ 1 s"),
        ("about(31.02)", "≈ 31 s"),
        ("about(99.5)", "≈ 100 s"),
        ("about(119.6)", "≈ 2 min"),
        ("about(2140)", "≈ 36 min"),
        ("about(3583)", "≥ 56 min"),
        ("about(null)", "–"),
        ("ago(89.9)", "89 s"),
        ("ago(119.9)", "119 s"),
        ("ago(239)", "3 min"),
        ("ago(-3)", "0 s"),
        ("ago(200000)", "2 d"),
        ("percent(4, 200)", 2),
        ("percent(0, 0)", None),
    ],
)
def test_figures_are_shown_as_people_say_them(
    url: str, page: Page, expression: str, shown: object
) -> None:
    if page.url != url:
        page.goto(url)
    assert page.evaluate(f"Words.{expression}") == shown


@pytest.mark.parametrize(
    ("state", "up"), [("here", "16 min"), ("stopped", "5 min"), ("silent", "5 min")]
)
def test_the_uptime_of_a_worker_that_is_gone_does_not_grow(show: Show, state: str, up: str) -> None:
    row = worker(state=state, since=NOW_S - 1000, seen=NOW_S - 700)
    page = show(answer(recent={"workers": [row]}))
    if state == "stopped":
        page.click(".tp-fold")
    assert page.locator("#tp-table td").last.inner_text().endswith(f"({up})")


def test_a_pool_without_a_worker_has_no_slots_to_show(show: Show) -> None:
    gone = pool(workers=0, slots=0, finished_per_s=None)
    page = show(answer(recent={"pools": [gone]}))
    tile = page.inner_text("#tp-tiles [data-pool=prefork]")
    assert "no worker online" in tile
    assert "0 of 0" not in tile


def grown(name: str, count: int, ago_s: float = 60) -> dict[str, Any]:
    """Return a count of what went wrong that last grew so long ago."""
    return {"source": {name: count, "grew_at": {name: NOW_S - ago_s}}}


TROUBLES: dict[str, tuple[dict[str, Any], str, str]] = {
    "records": ({"source": {"trouble": "connection refused"}}, "error", "Cannot read records from"),
    "queues": ({"source": {"queues_trouble": "connection refused"}}, "error", "queue depths"),
    "events": ({"source": {"events_trouble": "it has ended"}}, "error", "task events"),
    "silent worker": (
        {"recent": {"workers": [worker("gone@x", state="silent", seen=NOW_S - 40)]}},
        "error",
        "gone@x has not reported since",
    ),
    "silent workers": (
        {"recent": {"workers": [worker(f"{n}@x", state="silent") for n in range(5)]}},
        "error",
        "0@x, 1@x, 2@x and 2 more have not reported since",
    ),
    "unconsumed": (
        {"recent": {"waiting": 6_410, "queues": {"q": 6_410}, "unconsumed": ["q"]}},
        "error",
        "6,410 messages wait in q, but no known worker consumes from there",
    ),
    "key prefix": (
        {"source": {"key_prefixes": ["shop:"]}},
        "warning",
        "have the key prefix shop:, so this page does not show their messages and may not show "
        "their workers. Start Flower with your app (-A PROJECT), or set "
        """POOLWISE_BROKER_OPTIONS='{"global_keyprefix":"shop:"}'.""",
    ),
    "key prefix that no command should contain": (
        {"source": {"key_prefixes": ["';reboot;'"]}},
        "warning",
        "Start Flower with your app (-A PROJECT).",
    ),
    "faults": (grown("faults", 1), "warning", "A background job failed once"),
    "findings": (
        {"source": {"findings_trouble": "KeyError; Flower's log has the details"}},
        "warning",
        "Cannot update the findings (KeyError",
    ),
    "missed": (grown("missed_entries", 2), "warning", "At least 2 batches of records were"),
    "dropped": (grown("dropped_records", 3), "warning", "dropped 3 records"),
    "unreadable": (grown("unreadable_events", 1), "warning", "Skipped 1 record "),
    "steps": (grown("unreadable_steps", 1), "warning", "Skipped 1 step of"),
    "history": (
        {"source": {"history_trouble": "it is full"}},
        "warning",
        "Cannot store the history",
    ),
    "misdated": (grown("misdated_records", 4), "warning", "4 records not shown"),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_trouble_is_on_top_and_never_green(show: Show, name: str) -> None:
    changes, level, text = TROUBLES[name]
    page = show(answer(**changes))
    trouble = page.locator(f"#tp-troubles .tp-{level}")
    assert text in trouble.inner_text()
    tops = [page.evaluate(TOP, one) for one in ("#tp-troubles", "#tp-tiles")]
    assert tops == sorted(tops)
    assert f"status-dot-{level}" in (page.get_attribute("#tp-dot", "class") or "")
    assert "Live" not in page.inner_text("#tp-status")
    green = page.evaluate(
        "getComputedStyle(document.documentElement).getPropertyValue('--flower-success')"
    )
    colours = [
        page.evaluate(f"getComputedStyle(document.querySelector('{one}')).{what}")
        for one, what in (("#tp-dot", "backgroundColor"), ("#tp-troubles li", "color"))
    ]
    assert green == "#237a3b"
    assert "rgb(35, 122, 59)" not in colours


def test_without_trouble_the_page_is_live(show: Show) -> None:
    page = show(answer())
    assert not page.is_visible("#tp-troubles")
    assert "status-dot-live" in (page.get_attribute("#tp-dot", "class") or "")
    assert page.inner_text("#tp-status").startswith("Live")


def test_without_a_redis_for_records_the_page_is_live_and_notes_the_reason(show: Show) -> None:
    page = show(answer(source={"records": None, "trouble": "the broker is not Redis"}))
    assert page.get_attribute("#throughput", "data-state") == "live"
    assert page.inner_text("#tp-status").startswith("Live")
    assert "Showing task events only: the broker is not Redis." in page.inner_text("#tp-notes")


def test_an_old_count_is_a_note_and_no_longer_trouble_however_late_the_page_is_opened(
    show: Show,
) -> None:
    page = show(answer(**grown("dropped_records", 3, ago_s=1_000)))
    assert not page.is_visible("#tp-troubles")
    assert "dropped 3 records" in page.inner_text("#tp-notes")
    assert page.inner_text("#tp-status").startswith("Live")


def test_if_the_records_are_away_no_current_figure_is_shown(show: Show) -> None:
    busy: dict[str, Any] = {"busy": 1, "finished_per_s": 10.0, "p50_s": 0.1, "p95_s": 0.2}
    away = answer(
        source={"trouble": "connection refused", "queues_trouble": "connection refused"},
        recent={"pools": [pool(**busy)], "workers": [worker(**busy)], "waiting": 7},
    )
    page = show(away)
    values = page.locator("#tp-tiles .metric-value").all_inner_texts()
    assert [value.split()[0] for value in values] == ["–"] * 3
    cells = page.locator("#tp-table tbody td").all_inner_texts()
    assert cells[2:8] == ["–"] * 6
    assert "arrivals unknown" in page.inner_text("#tp-tiles")


def test_whoever_is_signed_out_is_told_so(show: Show) -> None:
    page = show(answer())
    page.unroute(DATA)
    page.route(DATA, lambda route: route.fulfill(status=401, body="signed out"))
    page.wait_for_selector("#throughput[data-state=reconnecting]", state="attached")
    trouble = page.inner_text("#tp-troubles")
    assert "You are signed out. To sign in again, reload the page. All figures below" in trouble
    assert page.inner_text("#tp-status").startswith("Signed out. Last seen at")


def test_if_flower_is_away_old_figures_look_old(show: Show) -> None:
    page = show(answer())
    page.unroute(DATA)
    page.route(DATA, lambda route: route.abort())
    page.wait_for_selector("#throughput[data-state=reconnecting]", state="attached")
    assert "Flower does not answer. All figures below are from" in page.inner_text("#tp-troubles")
    for part in (".tp-tiles", ".tp-charts", ".tp-table"):
        style = page.evaluate(
            f"(({{opacity, filter}}) => [Number(opacity), filter])"
            f"(getComputedStyle(document.querySelector('{part}')))"
        )
        assert style[0] < 0.6
        assert style[1] == "grayscale(1)"


@pytest.mark.parametrize(
    ("changes", "query", "shown"),
    [
        ({"arrived_per_s": 10.4}, "", ["10/s arriving"]),
        ({"arrived_per_s": 30.0}, "", ["30/s arriving, faster than they finish"]),
        ({"arrived_per_s": None}, "", ["arrivals unknown"]),
        (
            {"arrived_per_s": None},
            "?pool=prefork",
            ["selected", "clear the filters to see arrivals"],
        ),
    ],
)
def test_the_first_tile_shows_what_finishes_and_what_arrives(
    show: Show, changes: dict[str, Any], query: str, shown: list[str]
) -> None:
    tile = show(answer(recent=changes), query).locator("#tp-tiles article").first.inner_text()
    assert "10 tasks/s finished" in tile
    for text in shown:
        assert text in tile.splitlines()


@pytest.mark.parametrize(
    ("limit", "shown"),
    [
        (
            {"cause": "machine_cpu", "value": 97},
            "6,410 waiting: the machine's CPU is 97\u00a0% busy",
        ),
        (
            {"cause": "main_process", "value": 99},
            "6,410 waiting: the main process uses 99\u00a0% of a core",
        ),
        ({"cause": "fetching", "value": 0}, "6,410 waiting: workers cannot fetch them faster"),
        (None, ""),
    ],
)
def test_a_proven_limit_is_next_to_the_busy_slots(
    show: Show, limit: dict[str, Any] | None, shown: str
) -> None:
    page = show(answer(recent={"pools": [pool(busy=4, slots=200, waiting=6_410, limit=limit)]}))
    tile = page.inner_text("#tp-tiles [data-pool=prefork]")
    assert "4 of 200 slots busy · 2\u00a0%" in tile
    assert shown in tile
    assert ("waiting" in tile) is bool(shown)


def finding(name: str, **changes: str) -> dict[str, str]:
    known = {
        "name": name,
        "worker": "g@x",
        "text": f"{name} is what g@x suffers from",
        "evidence": f"after 560 of 560 starts, {name}",
        "fix": f"use --pool threads against {name}",
    }
    return {**known, **changes}


#: The widths of the page and of the window.
WIDTHS = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"


@pytest.mark.parametrize("width_px", [1280, 390])
def test_findings_are_above_the_charts_with_their_evidence_and_what_to_change(
    show: Show, width_px: int
) -> None:
    long = finding("one-core", evidence="0.97 cores were busy while 4.0 slots ran a task. " * 8)
    found = [finding("gevent-blocked", text="<b>blocked</b>"), long, finding("failures")]
    page = show(answer(findings={"seconds": 60.0, "found": found, "more": 2}), width_px=width_px)
    cards = page.locator("#tp-findings article")
    assert cards.count() == 3
    for card, one in zip(cards.all(), found, strict=True):
        assert card.is_visible()
        lines = card.inner_text().splitlines()
        assert [line for line in lines if line] == [
            one["text"], "Evidence", one["evidence"].strip(), "Change", one["fix"],
        ]  # fmt: skip
    assert "Findings in the last 60 s" in page.inner_text("#tp-findings h2")
    assert "2 more: poolwise observe" in page.inner_text("#tp-findings")
    places = [page.evaluate(TOP, one) for one in ("#tp-tiles", "#tp-findings", ".tp-charts")]
    assert places == sorted(places)
    whole, window = page.evaluate(WIDTHS)
    assert whole <= window


@pytest.mark.parametrize("found", [[], None])
def test_without_findings_nothing_is_shown_of_them(
    show: Show, found: list[dict[str, str]] | None
) -> None:
    page = show(answer(findings={"seconds": 60.0, "found": found, "more": 0}))
    assert not page.is_visible("#tp-findings")


def test_a_selected_text_of_a_finding_stays_until_the_findings_change(show: Show) -> None:
    page = show(answer(findings={"seconds": 60.0, "found": [finding("failures")], "more": 0}))
    page.evaluate("window.before = document.querySelector('#tp-findings article')")
    for _ in range(2):  # the first one may have been asked for before
        with page.expect_response(DATA):
            pass
    assert page.evaluate("window.before.isConnected")


@pytest.mark.parametrize(
    ("starts", "shown"),
    [
        ({"due": 9, "sent": 0, "received": 0}, ""),
        ({"due": 0, "sent": 0, "received": 9}, " without queue time"),
        ({"due": 3, "sent": 0, "received": 6}, " partly without queue time"),
    ],
)
def test_a_latency_without_the_time_in_the_queue_says_so(
    show: Show, starts: dict[str, int], shown: str
) -> None:
    note = latency_note(starts)
    known: dict[str, Any] = {
        "p50_s": 0.1,
        "p95_s": 0.2,
        "latency_note": note,
        "latency_starts": starts,
    }
    page = show(
        answer(latency_note=note, recent={"pools": [pool(**known)], "workers": [worker(**known)]})
    )
    tile = page.inner_text("#tp-tiles [data-pool=prefork]")
    assert f"p95 ≈ 200 ms{shown}" in tile.splitlines()
    caption = page.inner_text(".tp-chart:has(#tp-latency) figcaption")
    assert caption.endswith(note or "measured from when the task was due")
    cells = page.locator("#tp-table tbody td").all_inner_texts()
    mark = "\u00a0†" if note else ""
    assert cells[4:6] == [f"≈ 100 ms{mark}", f"≈ 200 ms{mark}"]
    assert ("†" in page.inner_text("#tp-notes")) is bool(note)


def test_busy_slots_are_in_per_cent(show: Show) -> None:
    lines = {"gevent": line(180, busy=4.0, slots=200.0), "prefork": line(180, busy=2.0)}
    page = show(answer(lines=lines, recent={"pools": [pool("gevent"), pool()]}))
    drawn = page.evaluate(
        "document.getElementById('tp-slots').data.map(one => [one.name, one.y[0], one.text[0]])"
    )
    assert drawn == [["prefork", 100, "100 % (2 of 2)"], ["gevent", 2, "2 % (4 of 200)"]]


def ended(count: int) -> dict[str, Any]:
    """Return changes to an answer: `count` workers and queues that have ended."""
    stopped = [worker(f"old-{n}@x", state="stopped", seen=NOW_S - 300) for n in range(count)]
    names = [one["worker"] for one in stopped]
    points = {"cpu_percent": [5.0] * 180, "memory_bytes": [5e7] * 180}
    return {
        "by": "worker",
        "lines": {"w@x": line(180), **{name: line(180) for name in names}},
        "workers": {"w@x": points, **dict.fromkeys(names, points)},
        "queues": {"q": [3.0] * 180, **{f"race-{n}": [2.0] * 180 for n in range(count)}},
        "recent": {
            "workers": [worker(), *stopped],
            "waiting": 3,
            "queues": {"q": 3},
            "used_queues": ["q"],
        },
    }


@pytest.mark.parametrize("width_px", [1280, 390])
@pytest.mark.parametrize(
    ("chart", "key"), [("tp-rate", "w@x"), ("tp-cpu", "w@x"), ("tp-queues", "q")]
)
def test_a_legend_names_only_what_is_still_there(
    show: Show, chart: str, key: str, width_px: int
) -> None:
    page = show(answer(**ended(6)), "?by=worker", width_px)
    assert page.evaluate(KEYS, chart) == [key, "6 ended"]


LEFT_OUT = "The charts leave out the least busy series"


def test_a_line_without_a_task_in_the_range_is_not_left_out_as_least_busy(show: Show) -> None:
    nothing = line(180, finished_per_s=None, p50_s=None, p95_s=None, busy=None, slots=None)
    page = show(answer(lines={"prefork": line(180), "gevent": nothing}))
    assert page.evaluate(KEYS, "tp-rate") == ["prefork"]
    assert LEFT_OUT not in page.inner_text("#tp-notes")


def test_lines_beyond_those_that_fit_are_counted_as_left_out(show: Show) -> None:
    page = show(answer(**ended(14)), "?by=worker")
    assert f"{LEFT_OUT} (2)" in page.inner_text("#tp-notes")


@pytest.mark.parametrize("width_px", [1280, 390])
def test_a_legend_is_one_line_until_it_is_unfolded(show: Show, width_px: int) -> None:
    names = [f"a-worker-with-a-long-name-{n}@x" for n in range(12)]
    points = {"cpu_percent": [5.0] * 180, "memory_bytes": [5e7] * 180}
    rows = [worker(name) for name in names]
    page = show(
        answer(workers=dict.fromkeys(names, points), recent={"workers": rows}), "", width_px
    )
    legend = page.locator("#tp-cpu-legend")
    box = legend.bounding_box()
    assert box is not None
    assert box["height"] <= 26
    seen = len(page.evaluate(KEYS, "tp-cpu"))
    assert 0 < seen < 12
    more = legend.locator(".tp-more")
    assert more.inner_text() == f"+{12 - seen}"
    more.click()
    assert len(page.evaluate(KEYS, "tp-cpu")) == 12
    more.click()
    assert len(page.evaluate(KEYS, "tp-cpu")) == seen


def test_a_narrow_legend_has_room_for_two_workers_and_an_outage(show: Show) -> None:
    names = [f"{pool}@0123456789ab" for pool in ("prefork", "threads", "gevent", "solo")]
    points = {"cpu_percent": [5.0] * 180, "memory_bytes": [5e7] * 180}
    rows = [worker(name) for name in names]
    gaps = [[NOW_S - 400, NOW_S - 300]]
    found = answer(workers=dict.fromkeys(names, points), gaps=gaps, recent={"workers": rows})
    page = show(found, width_px=390)
    assert page.evaluate(KEYS, "tp-cpu") == ["no data", *sorted(names)[:2]]
    page.click("#tp-cpu-legend .tp-more")
    widths = page.evaluate("""[...document.querySelectorAll('#tp-cpu-legend .tp-key > span')]
        .map(one => one.scrollWidth - one.clientWidth)""")
    assert widths == [0] * 4  # unfolded, the names are whole


def test_a_caption_of_two_lines_leaves_the_plots_of_a_row_side_by_side(show: Show) -> None:
    note = "some latencies start at reception, so they leave out their time in the queue " * 2
    page = show(answer(latency_note=note))
    assert page.evaluate(HEIGHT, "#tp-latency") == page.evaluate(HEIGHT, "#tp-rate") > 200
    captions = [
        page.evaluate(HEIGHT, f"figure:has(#tp-{one}) figcaption small")
        for one in ("rate", "latency")
    ]
    assert captions[1] > captions[0] + 10
    assert page.evaluate(TOP, "#tp-latency") == page.evaluate(TOP, "#tp-rate")
    ends = page.evaluate("""['rate', 'latency'].map(one => {
        const plot = document.getElementById(`tp-${one}`);
        const bottom = (one) => one.getBoundingClientRect().bottom;
        return bottom(plot.parentElement) - bottom(plot);
    })""")
    assert max(ends) < 8


def test_a_key_hides_its_line(show: Show) -> None:
    page = show(answer(**ended(2)), "?by=worker")
    count = "document.getElementById('tp-rate').data.length"
    assert page.evaluate(count) == 3
    page.click("#tp-rate-legend .tp-key:has-text('2 ended')")
    page.wait_for_function(f"{count} === 1")
    page.click("#tp-rate-legend .tp-key:has-text('2 ended')")
    page.wait_for_function(f"{count} === 3")


def test_stopped_workers_are_folded_and_can_be_opened(show: Show) -> None:
    page = show(answer(**ended(4)))
    rows = page.locator("#tp-table tbody tr")
    assert [row.split("\n")[0].split("\t")[0] for row in rows.all_inner_texts()] == [
        "w@x",
        "4 stopped",
    ]
    page.click(".tp-fold")
    assert rows.count() == 6
    with page.expect_response(DATA):
        pass
    assert rows.count() == 6  # still open after the next answer
    page.click(".tp-fold")
    assert rows.count() == 2


def test_a_switched_worker_shows_its_earlier_pool(show: Show) -> None:
    page = show(answer(recent={"workers": [worker(pool="threads", was=["prefork"])]}))
    [row] = page.locator("#tp-table tbody tr").all_inner_texts()
    assert "was prefork" in row
    assert "threads × 2" in row


@pytest.mark.parametrize(
    ("known_s", "begin_s", "since"),
    [(900, 900, False), (300, 300, True), (20, 60, True)],
)
def test_the_time_axis_starts_at_what_there_is(
    show: Show, known_s: int, begin_s: int, since: bool
) -> None:
    unknown = (900 - known_s) // STEP_S
    points = 180 - unknown
    blank: list[float | None] = [None] * unknown
    lines = {name: [*blank, *values] for name, values in line(points).items()}
    queues = {"q": [*blank, *[0.0] * points]}
    page = show(answer(lines={"prefork": lines}, workers={}, queues=queues))
    axis = page.evaluate("document.getElementById('tp-rate').layout.xaxis.range")
    assert axis[1] - axis[0] == begin_s * 1e3
    text = "since" if since else "in the last 15 minutes"
    assert text in page.inner_text("#tp-finished")


@pytest.mark.parametrize(
    ("known", "gaps", "outages"),
    [
        ("111111", [], []),
        ("110011", [], [[10, 20]]),
        ("010010", [], [[10, 20], [25, 32]]),
        ("111000", [], [[15, 32]]),
        ("001111", [], []),
        ("000000", [], []),
        ("111111", [[10, 20]], [[10, 20]]),  # Flower knows better
        ("110011", [[13, 24]], [[10, 24]]),
        ("111111", [[28, 32]], []),  # the newest points are still being read
    ],
)
def test_an_outage_is_when_nothing_at_all_was_measured(
    url: str, page: Page, known: str, gaps: list[list[int]], outages: list[list[int]]
) -> None:
    if page.url != url:
        page.goto(url)
    found = page.evaluate(
        """([known, gaps]) => Spans.outages(new Map([...known].map((one, n) => [5 * n,
             {lines: {}, workers: {}, queues: {q: {depth: one === "1" ? 0 : null}}}])),
             {now: 5 * known.length + 2, step_s: 5, gaps})""",
        [known, gaps],
    )
    assert found == outages


def test_points_of_different_length_leave_no_outage_between_them(url: str, page: Page) -> None:
    if page.url != url:
        page.goto(url)
    found = page.evaluate(
        """() => Spans.outages(new Map([0, 5, 10, 15, 16, 17, 18].map((second) => [second,
             {lines: {}, workers: {}, queues: {q: {depth: 0}}}])), {now: 20, step_s: 1})"""
    )
    assert found == []


def test_points_of_the_future_are_dropped_if_the_clock_was_set_back(url: str, page: Page) -> None:
    if page.url != url:
        page.goto(url)
    found = page.evaluate(
        """() => { Points.clear();
             const take = (now, at) => Points.take({at, now, range_s: 900, step_s: 5, whole: true,
               lines: {}, workers: {}, queues: {q: at.map(() => 1)}});
             take(1000, [985, 990, 995]);
             take(992, [985]);
             return Points.seconds(); }"""
    )
    assert found == [985, 990]


def test_outages_are_shaded_in_each_chart_and_explained(show: Show) -> None:
    gap = slice(100, 112)
    lines = line(180)
    for values in lines.values():
        values[gap] = [None] * 12
    queues: dict[str, list[float | None]] = {"q": [0.0] * 180}
    queues["q"][gap] = [None] * 12
    page = show(answer(lines={"prefork": lines}, workers={}, queues=queues))
    start_s = NOW_S - 80 * STEP_S
    offset_s = page.evaluate(f"new Date({start_s}000).getTimezoneOffset() * 60")
    expected = [[start_s - offset_s, start_s + 60 - offset_s]]
    for chart in ("tp-rate", "tp-latency", "tp-queues", "tp-slots", "tp-cpu", "tp-memory"):
        assert page.evaluate(SHAPES, chart) == expected
        assert page.evaluate(KEYS, chart)[0] == "no data"


def test_only_a_point_between_two_gaps_gets_a_marker(show: Show) -> None:
    lines = line(180)
    for values in lines.values():
        values[100:105], values[106:110] = [None] * 5, [None] * 4
    page = show(answer(lines={"prefork": lines, "threads": line(180)}))
    marked = page.evaluate(
        """() => document.getElementById("tp-rate").data.map((line) =>
             [line.marker?.size ?? []].flat().flatMap(
               (size, n) => size ? [line.x.length - n] : []))"""
    )
    assert sorted(marked) == [[], [180 - 105]]


@pytest.mark.parametrize("width_px", [1280, 390])
def test_the_time_without_flower_is_shaded_in_the_chart_of_the_queues_alone(
    show: Show, width_px: int
) -> None:
    queues: dict[str, list[float | None]] = {"gevent": [3.0] * 180, "prefork": [1.0] * 180}
    for values in queues.values():
        values[100:107] = [None] * 7
    start_s = NOW_S - 80 * STEP_S
    gap = [start_s, start_s + 35]
    used = {"queues": {"gevent": 3, "prefork": 1}, "used_queues": ["gevent", "prefork"]}
    page = show(answer(queues=queues, queue_gaps=[gap], recent=used), width_px=width_px)
    offset_s = page.evaluate(f"new Date({start_s}000).getTimezoneOffset() * 60")
    assert page.evaluate(SHAPES, "tp-queues") == [[at_s - offset_s for at_s in gap]]
    assert page.evaluate(KEYS, "tp-queues") == [
        "Flower was not running: no queue lengths",
        *("gevent", "prefork"),
    ]
    for chart in ("tp-rate", "tp-latency", "tp-slots", "tp-cpu", "tp-memory"):
        assert page.evaluate(SHAPES, chart) == []
        assert "Flower was not running" not in " ".join(page.evaluate(KEYS, chart))


@pytest.mark.parametrize(
    ("gap", "left"),
    [
        ([10, 20], [[10, 20]]),
        ([30, 60], [[30, 40], [50, 60]]),
        ([42, 48], []),
        ([45, 70], [[50, 70]]),
        ([35, 45], [[35, 40]]),
    ],
)
def test_a_time_without_any_data_is_shaded_once(
    url: str, page: Page, gap: list[int], left: list[list[int]]
) -> None:
    if page.url != url:
        page.goto(url)
    assert page.evaluate("gap => Spans.without([gap], [[40, 50], [80, 90]])", gap) == left
