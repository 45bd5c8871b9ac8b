"""Collects the history inside a running Flower; only this module knows its threads and locks."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from secrets import token_hex
from typing import Any, Final

from celery import Celery
from tornado.ioloop import PeriodicCallback

from monitor.gauge_history import WorkerKey
from monitor.history import History, finished_task
from monitor.queue_follower import QueueFollower
from monitor.record_follower import RecordFollower
from monitor.response import Query, build_response
from monitor.task_events import EventListener
from producer.address import redacted
from producer.records import Batch, records_url

#: Milliseconds between two collections of Flower's events.
EVENTS_EVERY_MS: Final = 500
#: Seconds of silence from a worker's probe after which its tasks are counted from events.
SILENT_S: Final = 60.0
#: Seconds between two requests to Flower to inspect workers that it does not know.
INSPECT_EVERY_S: Final = 5.0


class Collector:
    """Fills the history from records, queues and events, and answers the page's queries."""

    def __init__(self, app: Celery) -> None:
        """Prepare to follow the broker of `app`; nothing is read yet."""
        self._app = app
        self._lock = threading.Lock()
        self._history = History(int(time.time()))
        self._dropped: dict[tuple[str, int], int] = {}
        self._probe_seen_s: dict[str, float] = {}  # when each node's probe last wrote
        self.epoch = token_hex(4)  # marks the cursors of this process
        url = records_url(app)
        self.url = "" if url is None else redacted(url)
        self.broker_url = redacted(app.connection_for_read().as_uri(include_password=True))
        self._records = None if url is None else RecordFollower(url, self._add_batches)
        self._queues = QueueFollower(app, self._queue_names, self._add_depths)
        self._listener: EventListener | None = None
        self._flower: Any = None
        self._inspected_at_s = 0.0

    def start(self, flower: Any) -> None:
        """Follow records, queues and the events of `flower`, whose loop is about to run."""
        self._flower = flower
        self._listener = EventListener(flower.events, lambda: flower.workers)
        if self._records is not None:
            self._records.start()
        self._queues.start()
        PeriodicCallback(self._add_events, EVENTS_EVERY_MS).start()

    def stop(self) -> None:
        """Ask the threads to stop."""
        if self._records is not None:
            self._records.stop()
        self._queues.stop()

    def now_s(self) -> float:
        """Return the records server's time."""
        return time.time() if self._records is None else self._records.now_s()

    def respond(self, query: Query, cursor: str) -> dict[str, Any]:
        """Return the response to `query`: only what changed since `cursor`, if that is valid."""
        now_s = self.now_s()
        with self._lock:
            self._history.advance(now_s)
            found = build_response(self._history, replace(query, since=self._since(cursor)), now_s)
        revision, until_s = found.pop("revision")
        return {"cursor": f"{self.epoch}-{revision}-{until_s}", **found, "source": self._source()}

    def _since(self, cursor: str) -> tuple[int, int] | None:
        epoch, _, rest = cursor.partition("-")
        revision, _, until_s = rest.partition("-")
        if epoch != self.epoch or not (revision.isdecimal() and until_s.isdecimal()):
            return None
        # A cursor older than a minute gets the whole range again.
        fits = 0 <= self._history.newest_s - int(until_s) < 60
        return (int(revision), int(until_s)) if fits else None

    def _source(self) -> dict[str, Any]:
        records = self._records
        reader = None if records is None else records.reader
        return {
            "records": self.url or None,
            "trouble": "the broker is not Redis" if records is None else records.trouble,
            "missed_entries": reader.missed if reader else 0,
            "unreadable_entries": reader.unreadable if reader else 0,
            "dropped_records": sum(self._dropped.values()),
            "misdated_records": self._history.misdated,
            "clock_error_s": round(reader.worst_error_s, 6) if reader else None,
        }

    def _add_batches(self, batches: list[Batch], now_s: float) -> None:
        """Add what the stream held; called from the record follower's thread."""
        tasks = [
            finished_task(record) for batch in batches for record in batch.records if record.is_end
        ]
        with self._lock:
            self._history.advance(now_s)
            self._history.add(tasks)
            for batch in batches:
                self._add_batch(batch)

    def _add_batch(self, batch: Batch) -> None:
        key = WorkerKey(pool=batch.pool, node=batch.node)
        self._probe_seen_s[batch.node] = batch.written
        if batch.gauge is not None:
            self._history.add_gauge(key, batch.written, batch.gauge)
        elif batch.kind == "stopped":
            self._history.gauges.stop(key, batch.written)
        if batch.dropped:
            self._dropped[batch.node, batch.pid] = batch.dropped

    def _add_depths(self, depths: dict[str, int]) -> None:
        with self._lock:
            self._history.add_depths(self.now_s(), depths)

    def _queue_names(self) -> list[str]:
        """Return the queues of the settings and those that any worker consumes or consumed from."""
        with self._lock:
            workers = list(self._history.gauges.workers.values())
        names = {queue for one in workers if one.last for queue in one.last.queues}
        inspected = list(self._flower.workers.values())
        names |= {queue["name"] for one in inspected for queue in one.get("active_queues", ())}
        names |= {queue.name for queue in self._app.conf.task_queues or ()}
        return sorted(names or {self._app.conf.task_default_queue})

    def _add_events(self) -> None:
        """Add what is known only from events; called in Flower's event loop."""
        assert self._listener is not None  # noqa: S101 - set before the loop runs
        now_s = self.now_s()
        probed = self._probed(now_s)
        tasks = self._listener.collect(probed, now_s)
        if self._records is not None and self._records.reader is None:
            return  # until it is known which workers have a probe, tasks could be counted twice
        with self._lock:
            self._history.add(tasks)
            for key, gauge in self._listener.gauges(probed):
                self._history.add_gauge(key, now_s, gauge)
                self._history.gauges.workers[key].probed = False
        if now_s - self._inspected_at_s > INSPECT_EVERY_S and self._listener.uninspected(probed):
            self._inspected_at_s = now_s
            self._flower.update_workers()

    def _probed(self, now_s: float) -> set[str]:
        """Return the nodes with an active probe; the last known ones if records are unreadable."""
        if self._records is not None and not self._records.trouble:
            silent = [one for one, at_s in self._probe_seen_s.items() if now_s - at_s > SILENT_S]
            for node in silent:
                del self._probe_seen_s[node]
        return set(self._probe_seen_s)
