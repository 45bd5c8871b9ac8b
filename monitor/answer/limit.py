"""Why a pool leaves slots free while messages wait, if its gauges prove it; it knows no history.

A cause counts only if all of the pool's workers showed it over the last seconds, so that the page
never has to guess. Without proof there is no cause.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from producer.records import Gauge

#: The share of busy slots, in per cent, from which the slots themselves are the limit.
SLOTS_PERCENT: Final = 80.0
#: The CPU, in per cent, from which it counts as used up.
CPU_PERCENT: Final = 90.0
#: Gauges that a worker must have sent; one covers a second.
LEAST_GAUGES: Final = 3
#: Fetched messages that may wait for a slot at the instant of a gauge although slots are free.
BETWEEN: Final = 1.0

#: A worker's latest gauges, oldest first, each with its time in seconds.
Gauges = list[tuple[float, Gauge]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What keeps a pool from using its free slots."""

    cause: str  # "machine_cpu", "main_process" or "fetching"
    value: float  # per cent of the machine, per cent of one core, or 0

    def plain(self) -> dict[str, Any]:
        """Return the limit ready for JSON."""
        return {"cause": self.cause, "value": round(self.value)}


def find_limit(waiting: int, workers: Collection[Gauges]) -> Limit | None:
    """Return why `workers` are not busy although `waiting` messages could fill their slots."""
    if not workers or any(len(gauges) < LEAST_GAUGES for gauges in workers):
        return None
    slots = sum(gauges[-1][1].slots for gauges in workers)
    busy = sum(_mean([gauge.busy for _, gauge in gauges]) for gauges in workers)
    if not slots or busy > slots * SLOTS_PERCENT / 100 or waiting < slots - busy:
        return None
    for cause, of_worker in (("machine_cpu", _machine_percent), ("main_process", _main_percent)):
        shares = [of_worker(gauges) for gauges in workers]
        if all(share is not None and share >= CPU_PERCENT for share in shares):
            return Limit(cause=cause, value=min(share for share in shares if share is not None))
    if all(_starts_all_it_fetches(gauges) for gauges in workers):
        return Limit(cause="fetching", value=0)
    return None


def _machine_percent(gauges: Gauges) -> float | None:
    known = [gauge.machine_percent for _, gauge in gauges[1:] if gauge.machine_percent is not None]
    return _mean(known) if len(known) == len(gauges) - 1 else None


def _main_percent(gauges: Gauges) -> float | None:
    """Return the CPU of the main process between the first and the last gauge."""
    (first_s, first), (last_s, last) = gauges[0], gauges[-1]
    if first.main_cpu_s is None or last.main_cpu_s is None or last_s <= first_s:
        return None
    return (last.main_cpu_s - first.main_cpu_s) / (last_s - first_s) * 100


def _starts_all_it_fetches(gauges: Gauges) -> bool:
    """Return whether a worker asked for messages all the time and started each one at once."""
    if not all(gauge.fetching for _, gauge in gauges):
        return False
    unstarted = [gauge.held - gauge.busy for _, gauge in gauges if gauge.held is not None]
    return len(unstarted) == len(gauges) and _mean(unstarted) <= BETWEEN


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
