"""Collects the history inside a running Flower; only this module knows its threads and locks."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from secrets import token_hex
from typing import Any, Final

from celery import Celery
from tornado.ioloop import PeriodicCallback

from monitor.answer.cursor import Cursor
from monitor.answer.response import Query, build_response
from monitor.history.gauge_history import MAX_QUEUES, WorkerKey
from monitor.history.history import FinishedTask, History, finished_task
from monitor.history.tiers import COARSE
from monitor.reading.queue_follower import QueueFollower
from monitor.reading.record_follower import RecordFollower
from monitor.reading.supervisor import Health, Supervisor
from monitor.reading.task_events import EventListener
from monitor.storing.history_keeper import HistoryKeeper
from monitor.storing.stored_step import StoredStep
from monitor.storing.stored_steps import StoredSteps
from producer.address import redacted
from producer.places import NoRecordsError, records_places
from producer.records import ENTRIES_PER_READ, MAX_SENDERS, Batch, Record
from tasks.errors import PoolwiseError
from tasks.transport_options import placing

#: Milliseconds between two collections of Flower's events.
EVENTS_EVERY_MS: Final = 500
#: Seconds of silence from a worker's probe after which its tasks are counted from events.
SILENT_S: Final = 60.0
#: Seconds after which a cursor is too old: a client gets the whole range again.
CURSOR_S: Final = 60
#: Seconds between two requests to Flower to inspect workers that it does not know.
INSPECT_EVERY_S: Final = 5.0


class EventThreadEndedError(PoolwiseError):
    """Raised if Flower no longer receives events; only a restart of Flower helps."""


class Collector:
    """Fills the history from records, queues and events, and answers the page's queries."""

    def __init__(self, app: Celery) -> None:
        """Prepare to follow the broker of `app`; nothing is read yet."""
        self._app = app
        self._lock = threading.Lock()
        self._history = History(int(time.time()))
        self._steps = StoredSteps(self._history, self._lock)
        self._dropped: dict[tuple[str, int], int] = {}
        self._probe_seen_s: dict[str, float] = {}  # when each node's probe last wrote
        self.epoch = token_hex(4)  # marks the cursors of this process
        self.transport_options = placing(app.conf.broker_transport_options or {})
        self._records: RecordFollower | None = None
        self._keeper: HistoryKeeper | None = None
        try:
            self._records = RecordFollower(records_places(app), self.add_batches, self._restore)
            self._keeper = HistoryKeeper(self._records, self._steps)
        except NoRecordsError as error:
            self._no_records = str(error)
        self.broker_url = redacted(app.connection_for_read().as_uri(include_password=True))
        self._queues = QueueFollower(app, self.queue_names, self._add_depths)
        self._of_records, self._of_queues, self._of_events = map(
            Health, ("records", "queue depths", "task events")
        )
        self._of_history = Health("history", action="store")
        self.supervisors = [Supervisor(self._of_queues, self._queues.follow)]
        if self._records is not None and self._keeper is not None:
            self.supervisors.append(Supervisor(self._of_records, self._records.follow))
            self.supervisors.append(Supervisor(self._of_history, self._keeper.follow))
        else:
            self._history.know_from(self._history.newest_s // COARSE.step_s * COARSE.step_s)
        self._listener: EventListener | None = None
        self._flower: Any = None
        self._inspected_at_s = 0.0
        self._queues_left_out = 0

    def start(self, flower: Any) -> None:
        """Follow records, queues and the events of `flower`, whose loop is about to run."""
        self.attach(flower)
        PeriodicCallback(self.tend, EVENTS_EVERY_MS).start()

    def attach(self, flower: Any) -> None:
        """Listen to the events of `flower`; records and queues follow with the first `tend`."""
        self._flower = flower
        self._listener = EventListener(flower.events, lambda: flower.workers)

    def stop(self) -> None:
        """Ask the threads to stop."""
        for supervisor in self.supervisors:
            supervisor.stop()

    def join(self, timeout_s: float) -> bool:
        """Wait for the threads to stop; return whether they all have."""
        ended = [supervisor.join(timeout_s) for supervisor in self.supervisors]
        return all(ended)

    def stuck(self) -> list[str]:
        """Return a line for each job that only a restart of Flower might help."""
        return [f"{one.what}: {one.trouble}" for one in self._healths() if one.is_stuck]

    def now_s(self) -> float:
        """Return the records server's time."""
        return time.time() if self._records is None else self._records.now_s()

    def respond(self, query: Query, cursor: Cursor | None) -> dict[str, Any]:
        """Return the response to `query`: only what changed since `cursor`, if that is valid."""
        now_s = self.now_s()
        with self._lock:
            self._history.advance(now_s)
            found = build_response(
                self._history,
                replace(query, since=self._since(cursor)),
                now_s,
                self._lasting_queues(),
            )
        found["left_out"]["queues"] = self._queues_left_out
        if self._queues_left_out:  # tasks may arrive in a queue that is not measured
            found["recent"]["arrived_per_s"] = None
        revision, until_s = found.pop("revision")
        new = Cursor(epoch=self.epoch, revision=revision, until_s=until_s)
        return {"cursor": str(new), **found, "source": self._source()}

    def _since(self, cursor: Cursor | None) -> tuple[int, int] | None:
        if cursor is None or cursor.epoch != self.epoch:
            return None
        # A cursor older than a minute gets the whole range again.
        fits = 0 <= self._history.newest_s - cursor.until_s < CURSOR_S
        return (cursor.revision, cursor.until_s) if fits else None

    def _healths(self) -> list[Health]:
        known = [self._of_queues, self._of_events]
        return known if self._records is None else [self._of_records, *known, self._of_history]

    def _source(self) -> dict[str, Any]:
        records = self._records
        reader = None if records is None else records.reader
        return {
            "records": None if records is None else records.place.name,
            "trouble": self._no_records if records is None else self._of_records.trouble,
            "queues_trouble": self._of_queues.trouble,
            "events_trouble": self._of_events.trouble,
            "history_trouble": "" if self._keeper is None else self._of_history.trouble,
            "faults": sum(health.faults for health in self._healths()),
            "missed_entries": reader.missed if reader else 0,
            "unreadable_entries": reader.unreadable if reader else 0,
            "unreadable_steps": self._keeper.unreadable if self._keeper else 0,
            "unreadable_events": self._listener.unreadable if self._listener else 0,
            "dropped_records": sum(self._dropped.values()),
            "misdated_records": self._history.misdated,
            "clock_error_s": round(reader.worst_error_s, 6) if reader else None,
        }

    def add_batches(self, batches: list[Batch], now_s: float) -> None:
        """Add what the stream held; called from the record follower's thread."""
        ended = [
            (self._finished_task(record), batch.entry_id)
            for batch in batches
            for record in batch.records
            if record.is_end
        ]
        until_s = now_s if len(batches) < ENTRIES_PER_READ else batches[-1].written
        with self._lock:
            self._history.advance(now_s)
            self._steps.add(ended)
            self._steps.note_read([batch.entry_id for batch in batches], until_s)
            for batch in batches:
                self._add_batch(batch, now_s)

    def _finished_task(self, record: Record) -> FinishedTask:
        sent_s = None
        if record.due is None and record.sent is None and self._listener is not None:
            sent_s = self._listener.sent_s(record.task_id)
        return finished_task(record, sent_s)

    def begin(
        self, now_s: float, complete_from_s: float, stored: Iterable[list[StoredStep]] = ()
    ) -> None:
        """Start from a stored history: all records since `complete_from_s` will be added."""
        self._steps.restore(stored, now_s, complete_from_s)

    def _restore(self, now_s: float, complete_from_s: float) -> None:
        """Start from the history in Redis; called in the record follower's thread."""
        assert self._keeper is not None  # noqa: S101 - it comes with the follower
        self.begin(now_s, complete_from_s, self._keeper.load(now_s))

    def _add_batch(self, batch: Batch, now_s: float) -> None:
        key = WorkerKey(pool=batch.pool, node=batch.node)
        self._probe_seen_s[batch.node] = min(batch.written, now_s)
        if batch.gauge is not None:
            self._history.add_gauge(key, batch.written, batch.gauge)
        elif batch.kind == "stopped":
            self._history.gauges.stop(key, batch.written)
        if batch.dropped:
            self._dropped[batch.node, batch.pid] = batch.dropped
            if len(self._dropped) > MAX_SENDERS:
                del self._dropped[next(iter(self._dropped))]

    def _add_depths(self, depths: dict[str, int]) -> None:
        with self._lock:
            self._history.add_depths(self.now_s(), depths)

    def queue_names(self) -> list[str]:
        """Return the queues of the settings and those that any worker consumes or consumed from."""
        with self._lock:
            workers = list(self._history.gauges.workers.values())
        names = self._lasting_queues()
        more = {queue for one in workers if one.last for queue in one.last.queues}
        more |= self._listener.queues() if self._listener else set()
        self._queues_left_out = max(0, len(names | more) - MAX_QUEUES)
        first = [*sorted(names), *sorted(more - names)][:MAX_QUEUES]
        return first or [self._app.conf.task_default_queue]

    def _lasting_queues(self) -> set[str]:
        return {queue.name for queue in self._app.conf.task_queues or ()}

    def tend(self) -> None:
        """Look after the threads and add what events brought; called in Flower's event loop."""
        for supervisor in self.supervisors:
            supervisor.check()
        try:
            self._add_events()
        except Exception as error:  # noqa: BLE001 - the loop's edge: the page reports it
            self._of_events.failed(error)
        else:
            self._of_events.delivered()

    def _add_events(self) -> None:
        """Add what is known only from events."""
        assert self._listener is not None  # noqa: S101 - set before the loop runs
        if not self._flower.events.is_alive():
            raise EventThreadEndedError("Flower's event thread has stopped")
        now_s = self.now_s()
        self._inspect_new_workers(now_s)
        probed = self._probed(now_s)
        tasks = self._listener.collect(probed, now_s)
        if self._records is not None and self._records.reader is None:
            return  # until it is known which workers have a probe, tasks could be counted twice
        with self._lock:
            self._history.add(tasks)
            for key, gauge in self._listener.gauges(probed):
                self._history.add_gauge(key, now_s, gauge)
                if (worker := self._history.gauges.workers.get(key)) is not None:
                    worker.probed = False

    def _inspect_new_workers(self, now_s: float) -> None:
        """Make Flower inspect workers that started after it, for their queues on its Broker page.

        Flower itself inspects them all only once, when it starts.
        """
        assert self._listener is not None  # noqa: S101 - set before the loop runs
        if now_s - self._inspected_at_s > INSPECT_EVERY_S and self._listener.uninspected():
            self._inspected_at_s = now_s
            self._flower.update_workers()

    def _probed(self, now_s: float) -> set[str]:
        """Return the nodes with an active probe; the last known ones if records are unreadable."""
        if self._records is not None and not self._of_records.trouble:
            silent = [one for one, at_s in self._probe_seen_s.items() if now_s - at_s > SILENT_S]
            for node in silent:
                del self._probe_seen_s[node]
        return set(self._probe_seen_s)
