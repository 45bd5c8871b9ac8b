"""Keeps the history of a running Flower: threads, loop and locks meet here, and nowhere else."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from secrets import token_hex
from typing import Any, Final

from celery import Celery
from tornado.ioloop import PeriodicCallback

from monitor.answer import Ask, answer
from monitor.eventful import EventListener
from monitor.following import QueueFollower, RecordFollower
from monitor.gauges import Lane
from monitor.history import History, end_of
from producer.broker import redacted
from producer.records import Batch, records_url

#: Milliseconds between two looks at Flower's events.
EVENTS_MS: Final = 500
#: Seconds of a probe's silence after which the worker is counted by its events.
SILENT_S: Final = 60.0
#: Seconds between two requests to ask workers that Flower does not know.
ASK_S: Final = 5.0


class Watch:
    """What Flower's process remembers for the Throughput page."""

    def __init__(self, app: Celery) -> None:
        """Prepare to watch the broker of `app`; nothing is read yet."""
        self._app = app
        self._lock = threading.Lock()
        self._history = History(int(time.time()))
        self._dropped: dict[tuple[str, int], int] = {}
        self._heard: dict[str, float] = {}  # when the probe of each node last spoke
        self.epoch = token_hex(4)  # an answer of another Flower cannot be continued
        url = records_url(app)
        self.url = "" if url is None else redacted(url)
        self.broker_url = redacted(app.connection_for_read().as_uri(include_password=True))
        self._records = None if url is None else RecordFollower(url, self._take)
        self._queues = QueueFollower(app, self._queue_names, self._take_depths)
        self._listener: EventListener | None = None
        self._flower: Any = None
        self._asked_at = 0.0

    def start(self, flower: Any) -> None:
        """Follow records, queues and the events of `flower`, whose loop is about to run."""
        self._flower = flower
        self._listener = EventListener(flower.events, lambda: flower.workers)
        if self._records is not None:
            self._records.start()
        self._queues.start()
        PeriodicCallback(self._look_at_events, EVENTS_MS).start()

    def stop(self) -> None:
        """Have the threads end."""
        if self._records is not None:
            self._records.end()
        self._queues.end()

    def now_s(self) -> float:
        """Return the time by the records' clock."""
        return time.time() if self._records is None else self._records.now_s()

    def answer(self, ask: Ask, cursor: str) -> dict[str, Any]:
        """Return the answer to `ask`, continued from `cursor` where that is one of ours."""
        now_s = self.now_s()
        with self._lock:
            self._history.advance(now_s)
            found = answer(self._history, replace(ask, since=self._since(cursor)), now_s)
        revision, until_s = found.pop("revision")
        return {"cursor": f"{self.epoch}-{revision}-{until_s}", **found, "source": self._source()}

    def _since(self, cursor: str) -> tuple[int, int] | None:
        epoch, _, rest = cursor.partition("-")
        revision, _, until_s = rest.partition("-")
        if epoch != self.epoch or not (revision.isdecimal() and until_s.isdecimal()):
            return None
        # Seconds that have left the ring since then cannot be told apart any more.
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
            "misdated_records": self._history.too_late,
            "clock_error_s": round(reader.worst_error_s, 6) if reader else None,
        }

    def _take(self, batches: list[Batch], now_s: float) -> None:
        """Enter what the stream held; called from the records' thread."""
        ends = [end_of(record) for batch in batches for record in batch.records if record.is_end]
        with self._lock:
            self._history.advance(now_s)
            self._history.add(ends)
            for batch in batches:
                self._enter(batch)

    def _enter(self, batch: Batch) -> None:
        lane = Lane(pool=batch.pool, node=batch.node)
        self._heard[batch.node] = batch.written
        if batch.gauge is not None:
            self._history.gauge(lane, batch.written, batch.gauge)
        elif batch.kind == "stopped":
            self._history.levels.stop(lane, batch.written)
        if batch.dropped:
            self._dropped[batch.node, batch.pid] = batch.dropped

    def _take_depths(self, depths: dict[str, int]) -> None:
        with self._lock:
            self._history.queues(self.now_s(), depths)

    def _queue_names(self) -> list[str]:
        """Name the queues of the settings and those that a worker consumes from or did."""
        with self._lock:
            traces = list(self._history.levels.traces.values())
        names = {queue for trace in traces if trace.last for queue in trace.last.queues}
        told = self._flower.workers.values()
        names |= {queue["name"] for one in list(told) for queue in one.get("active_queues", ())}
        names |= {queue.name for queue in self._app.conf.task_queues or ()}
        return sorted(names or {self._app.conf.task_default_queue})

    def _look_at_events(self) -> None:
        """Enter what only events tell; called in Flower's loop."""
        assert self._listener is not None  # noqa: S101 - set before the loop runs
        now_s = self.now_s()
        probed = self._probed(now_s)
        ends = self._listener.collect(probed, now_s)
        if self._records is not None and self._records.reader is None:
            return  # not known yet who has a probe: nothing may count twice
        with self._lock:
            self._history.add(ends)
            for lane, gauge in self._listener.gauges(probed):
                self._history.gauge(lane, now_s, gauge)
                self._history.levels.traces[lane].probed = False
        if now_s - self._asked_at > ASK_S and self._listener.unknown(probed):
            self._asked_at = now_s
            self._flower.update_workers()

    def _probed(self, now_s: float) -> set[str]:
        """Name the nodes whose probe speaks, or did before the records were out of reach."""
        if self._records is not None and not self._records.trouble:
            for node in [one for one, at_s in self._heard.items() if now_s - at_s > SILENT_S]:
                del self._heard[node]
        return set(self._heard)
