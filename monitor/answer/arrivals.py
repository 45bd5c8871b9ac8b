"""How many tasks arrive per second, which no record shows until they have finished."""

from __future__ import annotations

import numpy as np

from monitor.history.gauge_history import LATELY
from monitor.history.history import History
from monitor.history.tiers import FINE


def arrived_per_s(history: History, until_s: int) -> float | None:
    """Return how many tasks arrived per second lately, or None if that is not known.

    Tasks in queues and workers can only become more by arriving and fewer by finishing, so the
    arrivals are the finished tasks plus the growth between the first and the last measurement.
    """
    samples = [sample for sample in history.gauges.in_system if sample[0] <= until_s]
    if not samples or samples[-1][0] < until_s - LATELY:
        return None
    (first_s, first), (last_s, last) = samples[0], samples[-1]
    if first is None or last is None or last_s <= first_s:
        return None
    rows = FINE.row_of(np.arange(first_s, last_s))
    finished = sum(int(one[FINE].finished[rows].sum()) for one in history.series.values())
    return round(max(0.0, (finished + last - first) / (last_s - first_s)), 2)
