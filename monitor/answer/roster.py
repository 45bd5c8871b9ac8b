"""The workers by name: one that has switched its pool is one worker."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from monitor.history.gauge_history import WorkerGauges, WorkerKey
from monitor.history.tiers import RANGE_S

#: Seconds of silence after which a worker that sent no notice of stopping is no longer shown.
FORGOTTEN_S: Final = 15 * 60


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


def is_shown(gauges: WorkerGauges, now_s: float) -> bool:
    """Return whether a worker has a row; one that has stopped has it as long as its history."""
    kept_s = RANGE_S if gauges.stopped else FORGOTTEN_S
    return gauges.last is not None and now_s - gauges.seen_s < kept_s
