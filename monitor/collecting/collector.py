"""What a running Flower calls to start, to stop, to bring its events, to get the page's data."""

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
from monitor.collecting.growth import Growth
from monitor.collecting.intake import Intake
from monitor.collecting.queue_choice import choose_queues
from monitor.collecting.sources import Sources
from monitor.findings.judge import Judge
from monitor.findings.recent import Recent
from monitor.findings.window import Window
from monitor.history.history import History
from monitor.history.tiers import COARSE
from monitor.reading.event_attempts import EventAttempts
from monitor.reading.event_queue import NEW_S
from monitor.reading.inspection import Delivery
from monitor.reading.supervisor import Supervisor
from monitor.reading.task_events import EventListener
from monitor.storing.stored_step import StoredStep
from monitor.storing.stored_steps import StoredSteps
from producer.address import redacted
from producer.records import Batch
from tasks.errors import PoolwiseError
from tasks.transport_options import placing

#: Milliseconds between two collections of Flower's events.
EVENTS_EVERY_MS: Final = 500
#: Seconds after which a cursor is too old: a client gets the whole range again.
CURSOR_S: Final = 60
#: Seconds between two requests to Flower to inspect workers that it does not know.
INSPECT_EVERY_S: Final = 5.0
#: The counts of what went wrong since Flower started, as the JSON names them.
COUNTS: Final = (
    "faults",
    "missed_entries",
    "unreadable_entries",
    "unreadable_steps",
    "unreadable_events",
    "dropped_records",
    "misdated_records",
)


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
        self._recent = Recent()
        self._intake = Intake(self._history, self._lock, self._steps, self._recent, self._sent_s)
        self._sources = Sources(
            app, self._steps, self.add_batches, self._intake.add_depths, self.queue_names
        )
        if self._sources.records is None:
            self._history.know_from(self._history.newest_s // COARSE.step_s * COARSE.step_s)
        self._judge = Judge(self._window, self._delivery)
        self._judging = self._sources.judge(self._judge.follow)
        self.epoch = token_hex(4)  # marks the cursors of this process
        self.transport_options = placing(app.conf.broker_transport_options or {})
        self.broker_url = redacted(app.connection_for_read().as_uri(include_password=True))
        self._listener: EventListener | None = None
        self._attempts: EventAttempts | None = None
        self._flower: Any = None
        self._inspected_at_s = -INSPECT_EVERY_S  # by the monotonic clock
        self._queues_left_out = 0
        self._growth = Growth()

    def start(self, flower: Any) -> None:
        """Follow records, queues and the events of `flower`, whose loop is about to run."""
        self.attach(flower)
        PeriodicCallback(self.tend, EVENTS_EVERY_MS).start()

    def attach(self, flower: Any) -> None:
        """Listen to the events of `flower`; records and queues follow with the first `tend`."""
        self._flower = flower
        new_s = 0.0 if self._sources.records is None else NEW_S
        self._listener = EventListener(flower.events, lambda: flower.workers, new_s)
        self._attempts = EventAttempts(flower.events, new_s)

    @property
    def supervisors(self) -> list[Supervisor]:
        """Those of the threads."""
        return [*self._sources.supervisors, self._judging]

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
        return self._sources.stuck()

    def respond(self, query: Query, cursor: Cursor | None) -> dict[str, Any]:
        """Return the response to `query`: only what changed since `cursor`, if that is valid."""
        now_s = self._sources.now_s()
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
        source = self._source()
        known = not (source["records"] and source["trouble"]) and not source["findings_trouble"]
        findings = self._judge.answer(known=known)
        return {"cursor": str(new), **found, "findings": findings, "source": source}

    def _since(self, cursor: Cursor | None) -> tuple[int, int] | None:
        if cursor is None or cursor.epoch != self.epoch:
            return None
        # A cursor older than a minute gets the whole range again.
        fits = 0 <= self._history.newest_s - cursor.until_s < CURSOR_S
        return (cursor.revision, cursor.until_s) if fits else None

    def _source(self) -> dict[str, Any]:
        """Return where the figures come from, and what is and was wrong, ready for JSON."""
        found = {
            **self._sources.report(),
            "unreadable_events": self._listener.unreadable if self._listener else 0,
            "dropped_records": self._intake.dropped_records,
            "misdated_records": self._history.misdated,
        }
        self._growth.note({name: found[name] for name in COUNTS}, self._sources.now_s())
        return {**found, "grew_at": self._growth.plain()}

    def begin(
        self, now_s: float, complete_from_s: float, stored: Iterable[list[StoredStep]] = ()
    ) -> None:
        """Start from a stored history: all records since `complete_from_s` will be added."""
        self._steps.restore(stored, now_s, complete_from_s)

    def add_batches(self, batches: list[Batch], now_s: float) -> None:
        """Add what the stream held; called from the record follower's thread."""
        self._intake.add_batches(batches, now_s)

    def _window(self) -> Window | None:
        with self._lock:
            return self._recent.window(self._sources.now_s())

    def _delivery(self, node: str) -> Delivery:
        return Delivery() if self._listener is None else self._listener.delivery(node)

    def _sent_s(self, task_id: str) -> float | None:
        return None if self._listener is None else self._listener.sent_s(task_id)

    def queue_names(self) -> list[str]:
        """Return the queues of the settings and those that any worker consumes or consumed from.

        Called from the queue follower's thread.
        """
        inspected = self._listener.queues() if self._listener else set()
        live = self._listener.live_queues() if self._listener else set()
        with self._lock:
            found = choose_queues(
                self._history.gauges,
                self._lasting_queues(),
                inspected=inspected,
                live=live,
                now_s=self._sources.now_s(),
            )
        self._queues_left_out = found.left_out
        return found.names or [self._app.conf.task_default_queue]

    def _lasting_queues(self) -> set[str]:
        return {queue.name for queue in self._app.conf.task_queues or ()}

    def tend(self) -> None:
        """Look after the threads and add what events brought; called in Flower's event loop."""
        for supervisor in self.supervisors:
            supervisor.check()
        health = self._sources.of_events
        try:
            self._add_events()
        except Exception as error:  # noqa: BLE001 - the loop's edge: the page reports it
            health.failed(error)
        else:
            health.delivered()
        self._source()  # notes which counts have grown, even if nobody asks for them

    def _add_events(self) -> None:
        """Add what is known only from events."""
        assert self._listener is not None  # noqa: S101 - set before the loop runs
        assert self._attempts is not None  # noqa: S101 - set before the loop runs
        if not self._flower.events.is_alive():
            raise EventThreadEndedError("Flower's event thread has stopped")
        now_s = self._sources.now_s()
        self._inspect_new_workers()
        unread = self._sources.unread  # asked first: records may be read at any moment
        probed = self._intake.probed(now_s, readable=self._sources.readable)
        tasks = self._listener.collect(probed, now_s)
        # Until it is known which workers have a probe, tasks could be counted twice.
        if not unread:
            gauges = list(self._listener.gauges(probed))
            attempts = self._attempts.collect(probed, now_s)
            stopped = self._listener.stopped()
            self._intake.add_unprobed(tasks, gauges, attempts, now_s, stopped=stopped)

    def _inspect_new_workers(self) -> None:
        """Make Flower inspect workers that started after it, for their queues on its Broker page.

        Flower itself inspects them all only once, when it starts.
        """
        assert self._listener is not None  # noqa: S101 - set before the loop runs
        waited_s = time.monotonic() - self._inspected_at_s
        if waited_s > INSPECT_EVERY_S and self._listener.uninspected():
            self._inspected_at_s = time.monotonic()
            self._flower.update_workers()
