"""The figures: which data they draw, and how series differ."""

from __future__ import annotations

from itertools import pairwise

import pytest

from lab.report.plots.latency import CURVE_POINTS, latency_curves
from lab.report.plots.makespan import makespan_bars
from lab.report.plots.panels import own_scales, panels
from lab.report.plots.series import STYLES, Series, of_one_race
from lab.report.plots.slots import MOST_SPANS, every_other, slot_times
from lab.report.plots.throughput import binned_rates, throughput
from lab.results.common import Span
from lab.results.race import PoolResult
from tests.unit.lab.report import sample
from tests.unit.lab.sample import account, of, repeat

NAMES = ["prefork", "threads", "gevent", "solo"]


@pytest.fixture(params=[0, 1], ids=["one scale", "own scales"])
def series(request: pytest.FixtureRequest) -> list[Series]:
    return of_one_race(sample.race().workloads[request.param].pools, NAMES)


def test_bars_show_the_median_and_whiskers_the_minimum_and_maximum(
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
    assert "no complete repeat" in drawn.layout.annotations[0].text


def test_each_bar_has_its_ideal(series: list[Series]) -> None:
    lines = makespan_bars(series).layout.shapes
    assert [line.x0 for line in lines] == [one.pool.ideal_makespan_s for one in series]


def test_curves_rise_from_0_to_100_percent_with_few_points(series: list[Series]) -> None:
    for curve in latency_curves(series).data:
        assert (curve.y[0], curve.y[-1]) == (0, 100)
        assert list(curve.x) == sorted(curve.x)
        assert len(curve.x) <= CURVE_POINTS + 1


def test_no_two_names_on_curves_have_the_same_height(series: list[Series]) -> None:
    heights = sorted(note.y for note in latency_curves(series).layout.annotations)
    assert len(heights) == len(series)
    gaps = [after - before for before, after in pairwise(heights)]
    assert min(gaps) > 12


def test_very_different_latencies_get_a_log_axis() -> None:
    fast, slow = (_lasting(latency_s) for latency_s in (0.01, 10.0))
    assert latency_curves([fast, slow]).layout.xaxis.type == "log"
    assert latency_curves([fast, fast]).layout.xaxis.type is None


def test_every_axis_has_a_title_or_shares_one(series: list[Series]) -> None:
    stack = panels(series)
    for drawn in (makespan_bars(series), latency_curves(series)):
        assert drawn.layout.xaxis.title.text
        assert drawn.layout.yaxis.title.text
    for drawn in (throughput(stack), slot_times(stack)):
        titles = [axis.title.text for axis in drawn.select_xaxes()]
        assert all(titles) if own_scales(stack) else titles[-1]
        assert all(axis.title.text for axis in drawn.select_yaxes())


def test_pools_with_very_different_makespans_get_their_own_scales() -> None:
    burn, sleep, _ = sample.race().workloads
    assert not own_scales(panels(of_one_race(burn.pools, NAMES)))
    assert own_scales(panels(of_one_race(sleep.pools, NAMES)))


def test_rates_times_widths_add_up_to_all_tasks() -> None:
    edges_s, rates = binned_rates([0.1, 0.3, 0.31, 0.95, 1.04], 1.04, 0.2)
    assert edges_s == [0, 0.2, 0.4, 0.6, 0.8, 1.04]
    widths_s = [after - before for before, after in pairwise(edges_s)]
    tasks = sum(rate * wide_s for rate, wide_s in zip(rates, widths_s, strict=True))
    assert tasks == pytest.approx(5, abs=0.01)
    assert rates[0] == 5


def test_a_single_instant_is_one_bin() -> None:
    assert binned_rates([0.001], 0.001, 0.002) == ([0, 0.001], [1000])


def test_every_task_is_drawn_once_on_its_slot(series: list[Series]) -> None:
    stack = panels(series)
    drawn = slot_times(stack)
    assert sum(len(bars.x) for bars in drawn.data) == sum(
        len(panel.repeat.spans) for panel in stack
    )


def test_slots_are_in_order_of_their_first_task(series: list[Series]) -> None:
    for panel in panels(series):
        first = {
            slot: min(span.started_s for span in panel.repeat.spans if span.slot == slot)
            for slot in panel.slots
        }
        assert list(first.values()) == sorted(first.values())


def test_too_many_tasks_are_cut_off_and_the_panel_says_so() -> None:
    simulated = sample.IO[2]
    pool = sample.pool_of(simulated, tasks=MOST_SPANS + 500)
    drawn = slot_times(panels(of_one_race([pool], NAMES)))
    assert sum(len(bars.x) for bars in drawn.data) == MOST_SPANS
    assert "first 2,000 tasks, 100 slots" in drawn.layout.annotations[0].text


def test_consecutive_tasks_on_a_slot_have_different_shades() -> None:
    spans = [Span(slot="a", started_s=at, finished_s=at + 1) for at in range(3)]
    spans.append(Span(slot="b", started_s=0, finished_s=1))
    assert [(span.slot, span.started_s) for span in every_other(spans, 0)] == [
        ("a", 0), ("a", 2), ("b", 0),
    ]  # fmt: skip
    assert [span.started_s for span in every_other(spans, 1)] == [1]


def test_styles_differ_in_more_than_colour() -> None:
    for trait in ("colour", "dash", "symbol", "pattern"):
        assert len({getattr(style, trait) for style in STYLES}) == len(STYLES)


def test_a_pool_keeps_its_style_and_its_second_occurrence_gets_another() -> None:
    pool: PoolResult = sample.race().workloads[0].pools[1]
    first, second = of_one_race([pool, pool], NAMES)
    assert first.style == STYLES[1]
    assert second.style != first.style


def _lasting(latency_s: float) -> Series:
    simulated = sample.SimulatedPool(
        pool="prefork", concurrency=1, lanes=1, service_s=latency_s, cpu_s_per_task=0,
        pss_bytes=1,
    )  # fmt: skip
    return of_one_race([sample.pool_of(simulated, tasks=2)], NAMES)[0]


def test_a_curve_ends_at_the_share_of_tasks_that_finished() -> None:
    failing = of("gevent", (repeat(ends=account(failed=7)),) * 2)
    [curve] = latency_curves(of_one_race([failing], NAMES)).data
    assert curve.y[-1] == 30


def test_an_incomplete_repeat_is_drawn_only_if_there_is_no_other() -> None:
    cut = [repeat(seconds, ends=account(failed=7)) for seconds in (0.1, 0.2)]
    [mixed] = of_one_race([of("gevent", (repeat(2.0), *cut))], NAMES)
    [broken] = of_one_race([of("gevent", tuple(cut))], NAMES)
    assert mixed.median_repeat is not None
    assert mixed.median_repeat.makespan_s == 2.0
    assert len(mixed.latencies_s) == 10
    assert broken.median_repeat == cut[0]


def test_a_makespan_of_nothing_has_a_rate() -> None:
    edges_s, rates = binned_rates((0.0, 0.0005), end_s=0.001, bin_s=5e-5)
    assert len(edges_s) == len(rates) + 1 == len(set(edges_s))
