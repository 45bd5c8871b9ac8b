"""The readers and the keeper of one broker, each in a thread, and what is wrong with them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator
from typing import Any

from celery import Celery

from monitor.reading.queue_follower import QueueFollower
from monitor.reading.record_follower import RecordFollower
from monitor.reading.supervisor import Health, Supervisor
from monitor.storing.history_keeper import HistoryKeeper
from monitor.storing.stored_steps import StoredSteps
from producer.places import NoRecordsError, records_places
from producer.records import Batch


class Sources:
    """Follows records and queues, and keeps the history, once the supervisors are checked."""

    def __init__(
        self,
        app: Celery,
        steps: StoredSteps,
        add_batches: Callable[[list[Batch], float], None],
        add_depths: Callable[[dict[str, int], float], None],
        queue_names: Callable[[], Collection[str]],
    ) -> None:
        """Prepare to follow the broker of `app`; nothing is read yet."""
        self._steps = steps
        self._add_depths = add_depths
        self.records: RecordFollower | None = None
        self.keeper: HistoryKeeper | None = None
        self._of_records, self._of_queues, self.of_events = map(
            Health, ("records", "queue depths", "task events")
        )
        self._of_history = Health("history", action="store")
        self.of_findings = Health("findings", action="update")
        self._queues = QueueFollower(app, queue_names, self._deliver_depths)
        self.supervisors = [Supervisor(self._of_queues, self._queues.follow)]
        try:
            self.records = RecordFollower(records_places(app), add_batches, self._restore)
        except NoRecordsError as error:
            self._no_records = str(error)
        else:
            self.keeper = HistoryKeeper(self.records, steps)
            self.supervisors.append(Supervisor(self._of_records, self.records.follow))
            self.supervisors.append(Supervisor(self._of_history, self.keeper.follow))

    def now_s(self) -> float:
        """Return the records server's time."""
        return time.time() if self.records is None else self.records.now_s()

    @property
    def readable(self) -> bool:
        """Whether records are being read."""
        return self.records is not None and not self._of_records.trouble

    @property
    def unread(self) -> bool:
        """Whether there may be records from before the start that were not read yet."""
        return self.records is not None and not self.records.has_caught_up

    def judge(self, work: Callable[[threading.Event, Callable[[], None]], None]) -> Supervisor:
        """Return what keeps `work`, which updates the findings, running in a thread."""
        return Supervisor(self.of_findings, work)

    def stuck(self) -> list[str]:
        """Return a line for each job that only a restart of Flower might help."""
        return [f"{one.what}: {one.trouble}" for one in self._healths() if one.is_stuck]

    def report(self) -> dict[str, Any]:
        """Return where the records come from, and what is wrong, ready for JSON."""
        records = self.records
        reader = None if records is None else records.reader
        return {
            "records": None if records is None else records.place.name,
            "trouble": self._no_records if records is None else self._of_records.trouble,
            "queues_trouble": self._of_queues.trouble,
            "key_prefixes": self._queues.key_prefixes,
            "events_trouble": self.of_events.trouble,
            "findings_trouble": self.of_findings.trouble,
            "history_trouble": "" if self.keeper is None else self._of_history.trouble,
            "faults": sum(health.faults for health in self._healths()),
            "missed_entries": reader.missed if reader else 0,
            "unreadable_entries": reader.unreadable if reader else 0,
            "unreadable_steps": self.keeper.unreadable if self.keeper else 0,
            "clock_error_s": round(reader.worst_error_s, 6) if reader else None,
        }

    def _healths(self) -> Iterator[Health]:
        if self.records is not None:
            yield self._of_records
        yield self._of_queues
        yield self.of_events
        yield self.of_findings
        if self.records is not None:
            yield self._of_history

    def _deliver_depths(self, depths: dict[str, int]) -> None:
        self._add_depths(depths, self.now_s())

    def _restore(self, now_s: float, complete_from_s: float) -> None:
        """Start from the history in Redis; called in the record follower's thread."""
        assert self.keeper is not None  # noqa: S101 - it comes with the follower
        self._steps.restore(self.keeper.load(now_s), now_s, complete_from_s)
