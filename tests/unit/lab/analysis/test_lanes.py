"""Spans keep the names of their slots, unless more slots ran them than the pool has."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lab.analysis.lanes import packed
from lab.results.common import Span

starts = st.floats(min_value=0, max_value=100)
lengths = st.floats(min_value=0.01, max_value=10)


def test_slots_keep_their_names_if_they_fit() -> None:
    spans = (Span(slot="a", started_s=0, finished_s=1), Span(slot="b", started_s=0, finished_s=1))
    assert packed(spans, slots=2) == spans


@given(st.lists(st.tuples(starts, lengths), min_size=2, max_size=40))
def test_lanes_hold_one_span_at_a_time_and_are_as_few_as_possible(
    times: list[tuple[float, float]],
) -> None:
    spans = [
        Span(slot=str(n), started_s=start, finished_s=start + length)
        for n, (start, length) in enumerate(times)
    ]
    lanes: dict[str, list[Span]] = {}
    for span in packed(spans, slots=1):
        lanes.setdefault(span.slot, []).append(span)
    for lane in lanes.values():
        lane.sort(key=lambda span: span.started_s)
        assert all(before.finished_s <= after.started_s for before, after in pairwise(lane))
    overlap = max(
        sum(other.started_s <= span.started_s < other.finished_s for other in spans)
        for span in spans
    )
    assert len(lanes) == overlap
