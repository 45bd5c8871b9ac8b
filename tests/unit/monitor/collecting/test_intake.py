"""Each task counts once, whether its event or its record comes first."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from monitor.collecting.intake import SILENT_S, Intake
from monitor.findings.recent import Recent
from monitor.history.history import FinishedTask, History, SeriesKey
from monitor.history.tiers import COARSE
from monitor.storing.stored_steps import StoredSteps
from producer.records import Batch, Record

BEGIN_S = 1_700_000_000
NODE = "a@x"


class Counting:
    """An intake, and what it has counted."""

    def __init__(self) -> None:
        self.history = History(BEGIN_S)
        lock = threading.Lock()
        steps = StoredSteps(self.history, lock)
        self.intake = Intake(self.history, lock, steps, Recent(), lambda _: None)

    def write(self, at_s: float, *records: Record, node: str = NODE) -> None:
        """Let the probe of a worker write an entry, so long after the beginning."""
        known: dict[str, Any] = {"pool": "prefork", "slots": 1, "pid": 1, "seq": 0, "dropped": 0}
        entry_id = (round((BEGIN_S + at_s) * 1_000), 0)
        one = Batch(
            kind="rows", node=node, error_s=0.0, records=records, entry_id=entry_id, **known
        )
        self.intake.add_batches([one], BEGIN_S + at_s)

    def hear(self, seconds: Iterable[float]) -> None:
        """Look at the event of a task that finished, so long after the beginning."""
        for at_s in seconds:
            now_s = BEGIN_S + at_s
            self.history.advance(now_s)
            if NODE not in self.intake.probed(now_s, readable=True):
                key = SeriesKey(pool="prefork", node=NODE, task="t")
                task = FinishedTask(key=key, at_s=now_s, failed=False, latency_s=0.1, origin=2)
                self.intake.add_unprobed([task], [], [], now_s)

    @property
    def finished(self) -> int:
        return sum(int(one[COARSE].finished.sum()) for one in self.history.series.values())


def record(finished_s: float, outcome: str = "succeeded", node: str = NODE) -> Record:
    at_s = BEGIN_S + finished_s
    known: dict[str, Any] = {"run": None, "due": None, "sent": None, "redelivered": False}
    return Record(
        task_id=f"id-{finished_s}",
        task="t",
        node=node,
        pool="prefork",
        slot="1",
        received=at_s - 0.1,
        started=at_s - 0.1,
        finished=at_s,
        outcome=outcome,
        runtime=0.1,
        **known,
    )


def test_records_that_come_late_do_not_count_what_events_have_counted() -> None:
    found = Counting()
    found.write(0.0)
    found.hear(second + 0.3 for second in range(1, 100))  # a task a second; the probe is silent
    late = [record(second + 0.1) for second in range(1, 100)]
    found.write(99.6, *late, record(99.5))
    assert found.finished == 99 + 1


def test_a_late_record_counts_if_its_task_has_no_event_that_counts() -> None:
    found = Counting()
    found.write(0.0)
    found.hear(second + 0.3 for second in range(1, 100))
    before = found.finished
    found.write(99.6, record(80.1, "revoked"), record(80.1, node="b@x"), record(81.1, "slot-lost"))
    assert found.finished == before + 2


def test_each_silence_of_a_probe_has_its_own_span() -> None:
    found, length_s = Counting(), int(SILENT_S)
    found.write(0.0)
    found.hear(second + 0.3 for second in range(1, length_s + 10))
    found.write(length_s + 9.5)
    found.write(length_s + 30.0, *[record(length_s + 9.6 + n) for n in range(20)])
    before = found.finished
    found.hear(length_s + 30 + second + 0.3 for second in range(1, length_s + 10))
    assert found.finished == before + 10
    found.write(2 * length_s + 40.0, *[record(length_s + 31.1 + n) for n in range(length_s - 1)])
    assert found.finished == before + 10 + length_s - 1
