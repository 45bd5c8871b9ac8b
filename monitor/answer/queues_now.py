"""The current depths of the queues, without those that belong to the past."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from monitor.history.gauge_history import GONE_S, GaugeHistory, WorkerGauges, WorkerKey


def queues_now(
    gauges: GaugeHistory,
    workers: dict[WorkerKey, WorkerGauges],
    lasting: Collection[str],
    now_s: float,
) -> dict[str, Any]:
    """Return the depth of each queue, the total, and the queues whose messages nobody fetches.

    The depths are unknown if they have not been measured lately; `used_queues` are known even then.

    A queue is left out if it is empty and all workers that consumed from it have stopped, unless
    it is one of the `lasting` ones.
    """
    depths = gauges.depths_now
    used = _queues_of(one for one in workers.values() if not one.stopped) | set(lasting)
    live = _queues_of(one for one in workers.values() if one.is_alive(now_s))
    shown = {name: depths[name] for name in sorted(depths) if depths[name] or name in used}
    is_fresh = now_s - gauges.depths_at_s < GONE_S
    return {
        "queues": shown if is_fresh else {},
        "used_queues": list(shown),
        "waiting": sum(depths.values()) if is_fresh else None,
        "unconsumed": [name for name in shown if depths[name] and name not in live]
        if is_fresh
        else [],
    }


def _queues_of(workers: Iterable[WorkerGauges]) -> set[str]:
    return {name for worker in workers if worker.last for name in worker.last.queues}
