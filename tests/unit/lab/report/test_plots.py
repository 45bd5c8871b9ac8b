"""The figures: what is drawn of which data, and how series are told apart."""

from __future__ import annotations

from itertools import pairwise

import pytest

from lab.report.curves import CURVE_POINTS, latency_curves
from lab.report.panels import own_scales, panels
from lab.report.plots import makespan_bars
from lab.report.series import LOOKS, Series, of_one_race
from lab.report.timelines import MOST_SPANS, binned_rates, every_other, slot_times, throughput
from lab.results.common import Span
from lab.results.race import PoolResult
from tests.unit.lab.report import sample

NAMES = ["prefork", "threads", "gevent", "solo"]


@pytest.fixture(params=[0, 1], ids=["one scale", "own scales"])
def series(request: pytest.FixtureRequest) -> list[Series]:
    return of_one_race(sample.race().workloads[request.param].pools, NAMES)


def test_bars_show_the_median_and_reach_from_the_least_to_the_greatest(
    series: list[Series],
) -> None:
    for one, bar in zip(series, makespan_bars(series).data, strict=True):
        assert one.pool.summary is not None
        spread = one.pool.summary.makespan_s
        assert bar.x[0] == pytest.approx(spread.median, abs=0.001)
        assert bar.x[0] + bar.error_x.array[0] == pytest.approx(spread.high, abs=0.002)
        assert bar.x[0] - bar.error_x.arrayminus[0] == pytest.approx(spread.low, abs=0.002)


def test_a_pool_that_finished_nothing_keeps_its_row_without_a_bar() -> None:
    drawn = makespan_bars(of_one_race([sample.pool_without_a_finish()], NAMES))
    assert not drawn.data
    assert "nothing finished" in drawn.layout.annotations[0].text


def test_each_bar_has_its_ideal(series: list[Series]) -> None:
    lines = makespan_bars(series).layout.shapes
    assert [line.x0 for line in lines] == [one.pool.ideal_makespan_s for one in series]


def test_curves_rise_from_nothing_to_all_and_stay_light(series: list[Series]) -> None:
    for curve in latency_curves(series).data:
        assert (curve.y[0], curve.y[-1]) == (0, 100)
        assert list(curve.x) == sorted(curve.x)
        assert len(curve.x) <= CURVE_POINTS + 1


def test_names_on_curves_never_share_a_height(series: list[Series]) -> None:
    heights = sorted(note.y for note in latency_curves(series).layout.annotations)
    assert len(heights) == len(series)
    gaps = [after - before for before, after in pairwise(heights)]
    assert min(gaps) > 12


def test_latencies_far_apart_get_a_log_axis() -> None:
    fast, slow = (_lasting(latency_s) for latency_s in (0.01, 10.0))
    assert latency_curves([fast, slow]).layout.xaxis.type == "log"
    assert latency_curves([fast, fast]).layout.xaxis.type is None


def test_every_axis_of_every_plot_has_a_title_or_shares_one(series: list[Series]) -> None:
    stack = panels(series)
    for drawn in (makespan_bars(series), latency_curves(series)):
        assert drawn.layout.xaxis.title.text
        assert drawn.layout.yaxis.title.text
    for drawn in (throughput(stack), slot_times(stack)):
        titles = [axis.title.text for axis in drawn.select_xaxes()]
        assert all(titles) if own_scales(stack) else titles[-1]
        assert all(axis.title.text for axis in drawn.select_yaxes())


def test_pools_far_apart_get_scales_of_their_own() -> None:
    burn, sleep, _ = sample.race().workloads
    assert not own_scales(panels(of_one_race(burn.pools, NAMES)))
    assert own_scales(panels(of_one_race(sleep.pools, NAMES)))


def test_rates_times_widths_are_all_the_tasks() -> None:
    edges_s, rates = binned_rates([0.1, 0.3, 0.31, 0.95, 1.04], 1.04, 0.2)
    assert edges_s == [0, 0.2, 0.4, 0.6, 0.8, 1.04]
    widths_s = [after - before for before, after in pairwise(edges_s)]
    tasks = sum(rate * wide_s for rate, wide_s in zip(rates, widths_s, strict=True))
    assert tasks == pytest.approx(5, abs=0.01)
    assert rates[0] == 5


def test_one_instant_is_one_bin() -> None:
    assert binned_rates([0.001], 0.001, 0.002) == ([0, 0.001], [1000])


def test_every_task_is_drawn_once_on_its_slot(series: list[Series]) -> None:
    stack = panels(series)
    drawn = slot_times(stack)
    assert sum(len(bars.x) for bars in drawn.data) == sum(
        len(panel.repeat.spans) for panel in stack
    )


def test_slots_stand_in_order_of_their_first_task(series: list[Series]) -> None:
    for panel in panels(series):
        first = {
            slot: min(span.started_s for span in panel.repeat.spans if span.slot == slot)
            for slot in panel.slots
        }
        assert list(first.values()) == sorted(first.values())


def test_too_many_tasks_are_cut_and_the_panel_says_so() -> None:
    entry = sample.IO[2]
    pool = sample.pool_of(entry, tasks=MOST_SPANS + 500)
    drawn = slot_times(panels(of_one_race([pool], NAMES)))
    assert sum(len(bars.x) for bars in drawn.data) == MOST_SPANS
    assert "first 2,000 tasks, 100 slots" in drawn.layout.annotations[0].text


def test_neighbours_on_a_slot_get_different_shades() -> None:
    spans = [Span(slot="a", started_s=at, finished_s=at + 1) for at in range(3)]
    spans.append(Span(slot="b", started_s=0, finished_s=1))
    assert [(span.slot, span.started_s) for span in every_other(spans, 0)] == [
        ("a", 0), ("a", 2), ("b", 0),
    ]  # fmt: skip
    assert [span.started_s for span in every_other(spans, 1)] == [1]


def test_looks_differ_in_more_than_colour() -> None:
    for trait in ("colour", "dash", "symbol", "pattern"):
        assert len({getattr(look, trait) for look in LOOKS}) == len(LOOKS)


def test_a_pool_keeps_its_look_and_a_second_one_of_it_gets_another() -> None:
    pool: PoolResult = sample.race().workloads[0].pools[1]
    first, second = of_one_race([pool, pool], NAMES)
    assert first.look == LOOKS[1]
    assert second.look != first.look


def _lasting(latency_s: float) -> Series:
    entry = sample.Entry(
        pool="prefork", concurrency=1, lanes=1, service_s=latency_s, cpu_s_per_task=0,
        pss_bytes=1,
    )  # fmt: skip
    return of_one_race([sample.pool_of(entry, tasks=2)], NAMES)[0]
