"""Which queues are measured: those that may hold messages come first."""

from __future__ import annotations

from monitor.collecting.queue_choice import choose_queues
from monitor.history.gauge_history import GONE_S, GaugeHistory, WorkerKey
from producer.records import Gauge

NOW_S = 1_700_000_003.0


def gauges(**seen_s: float) -> GaugeHistory:
    """Return workers, each with a queue of its own name, by when they were last seen."""
    found = GaugeHistory()
    for name, at_s in seen_s.items():
        gauge = Gauge(
            up_s=5.0, slots=1, busy=0, queues=(name,), cpu_s=None, memory_bytes=None, memory=None
        )
        found.add_gauge(WorkerKey(pool="prefork", node=name), at_s, gauge)
    return found


def names(found: GaugeHistory, *, inspected: set[str], live: set[str]) -> list[str]:
    return choose_queues(found, {"lasts"}, inspected=inspected, live=live, now_s=NOW_S).names


def test_the_order_is_that_of_what_may_hold_messages() -> None:
    found = gauges(old=NOW_S - 900, late=NOW_S - GONE_S, here=NOW_S, full=NOW_S - 1_800)
    found.add_depths(int(NOW_S), {"full": 3, "old": 0, "forgotten": 1})
    assert names(found, inspected={"live", "dead"}, live={"live"}) == [
        "lasts",
        *("here", "live"),
        *("full", "forgotten"),
        *("late", "old", "dead"),
    ]
