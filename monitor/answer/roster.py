"""The workers by name: one that has switched its pool is one worker."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from monitor.history.gauge_history import WorkerGauges, WorkerKey


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterEntry:
    """A worker in its latest pool."""

    key: WorkerKey
    gauges: WorkerGauges
    was: list[str]  # its earlier pools, the latest first


def roster(workers: dict[WorkerKey, WorkerGauges]) -> list[RosterEntry]:
    """Return each worker of `workers`, which has an entry for each pool of a worker, once."""
    pools: defaultdict[str, list[WorkerKey]] = defaultdict(list)
    for key in sorted(workers, key=lambda key: -workers[key].seen_s):
        pools[key.node].append(key)
    return [
        RosterEntry(key=latest, gauges=workers[latest], was=[key.pool for key in earlier])
        for latest, *earlier in pools.values()
    ]
