"""Lanes for short-lived slots: a new greenlet runs each task, but a pool has few places.

Pure: spans in, spans out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from heapq import heappop, heappush

from lab.results.common import Span


def packed(spans: Sequence[Span], slots: int) -> tuple[Span, ...]:
    """Return `spans`; if more than `slots` slots ran them, assign them to numbered lanes.

    The first span that starts after a lane's last span has finished reuses the lane, so there are
    as many lanes as spans that ever ran at once.
    """
    if len({span.slot for span in spans}) <= slots:
        return tuple(spans)
    free: list[int] = []
    busy: list[tuple[float, int]] = []
    placed = []
    for span in sorted(spans, key=lambda span: span.started_s):
        while busy and busy[0][0] <= span.started_s:
            heappush(free, heappop(busy)[1])
        lane = heappop(free) if free else len(busy) + 1
        heappush(busy, (span.finished_s, lane))
        placed.append(replace(span, slot=f"lane {lane}"))
    return tuple(placed)
