"""Gives short-lived slots a place: greenlets are made anew for each task, a pool's places are not.

Pure: spans in, spans out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from heapq import heappop, heappush

from lab.results.common import Span


def packed(spans: Sequence[Span], slots: int) -> tuple[Span, ...]:
    """Return `spans` as they are, or, where more slots ran them than `slots`, in numbered lanes.

    A lane is taken again by the first span that starts after its last has finished, so there are
    as many lanes as ever ran at once.
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
