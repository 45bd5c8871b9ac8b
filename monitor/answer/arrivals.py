"""How many tasks arrive per second, which no record shows until they have finished."""

from __future__ import annotations

from itertools import takewhile

import numpy as np

from monitor.history.gauge_history import LATELY
from monitor.history.history import History
from monitor.history.tiers import FINE


def arrived_per_s(history: History, until_s: int) -> float | None:
    """Return how many tasks arrived per second lately, or None if that is not known.

    Tasks in queues and workers can only become more by arriving and fewer by finishing, so the
    arrivals are the finished tasks plus the growth between the first and the last measurement. Only
    measurements of the same workers are compared: what a worker holds did not arrive when the
    worker became known, as after a restart of Flower.
    """
    samples = [sample for sample in history.gauges.in_system if sample.at_s <= until_s]
    if not samples or samples[-1].at_s < until_s - LATELY:
        return None
    last = samples[-1]
    *_, first = takewhile(lambda one: one.workers == last.workers, reversed(samples))
    if first.tasks is None or last.tasks is None or last.at_s <= first.at_s:
        return None
    rows = FINE.row_of(np.arange(first.at_s, last.at_s))
    finished = sum(int(one[FINE].finished[rows].sum()) for one in history.series.values())
    grown = last.tasks - first.tasks
    return round(max(0.0, (finished + grown) / (last.at_s - first.at_s)), 2)
