"""Which queues are measured, if there are more than can be: a pure function."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from monitor.history.gauge_history import MAX_QUEUES, GaugeHistory, WorkerGauges


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueChoice:
    """The queues to measure, and how many there is no room for."""

    names: list[str]
    left_out: int  # those that last, or that a live worker consumes from


def choose_queues(
    gauges: GaugeHistory,
    lasting: Collection[str],
    *,
    inspected: Collection[str],
    live: Collection[str],
    now_s: float,
) -> QueueChoice:
    """Return at most `MAX_QUEUES` names: the `lasting` ones, those of live workers, then the rest.

    `inspected` are the queues of all workers that Flower has inspected, `live` those of the live
    ones. The rest are the queues that hold messages, then those whose worker was seen last.
    """
    workers = [one for one in gauges.workers.values() if one.last is not None]
    used = set(live) | _queues_of(one for one in workers if one.is_alive(now_s))
    full = {name for name, depth in gauges.depths_now.items() if depth}
    seen_s = dict.fromkeys([*inspected, *full], 0.0)
    for worker in sorted(workers, key=lambda one: one.seen_s):
        seen_s |= dict.fromkeys(_queues_of([worker]), worker.seen_s)
    first = [*sorted(lasting), *sorted(used - set(lasting))]
    rest = sorted(
        seen_s.keys() - set(first), key=lambda name: (name not in full, -seen_s[name], name)
    )
    return QueueChoice(names=[*first, *rest][:MAX_QUEUES], left_out=max(0, len(first) - MAX_QUEUES))


def _queues_of(workers: Iterable[WorkerGauges]) -> set[str]:
    return {name for worker in workers if worker.last for name in worker.last.queues}
