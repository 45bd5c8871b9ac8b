"""Sends a light, steady load for ever, without reading any records.

Open loop: when a task is due does not depend on what happened to earlier tasks. The load survives
broker outages: it starts afresh once the broker is back, instead of sending all that was due in
between at once. A full queue gets only as many tasks as its workers finish; see `producer.room`.
A race can pause the load; see `producer.pause`.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any
from uuid import uuid4

import redis
from celery import Celery
from kombu import Connection

from producer import broker, pause
from producer.mix import SMALL_WORK
from producer.plan import due_by, due_s
from producer.room import MOST_WAITING, Room
from producer.submit import CHUNK, Push, SubmitOptions, sender
from tasks.errors import UsageError
from worker.probe import Clock, NoRecordsError, connect, records_places

#: The run id in the header of every message of this load.
RUN = "light"
#: Seconds before the first attempt to reconnect, and the longest time between two attempts.
FIRST_WAIT_S, MOST_WAIT_S = 0.5, 15.0
#: Seconds between two measurements of the queues, two readings of the clock, two progress lines.
MEASURE_S, CLOCK_S, PROGRESS_S = 1.0, 10.0, 60.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """An endless load."""

    rate_per_s: float  # more than 0
    turns: tuple[tuple[str, str], ...]  # task and queue of each task in turn, then from the start

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues, each listed once."""
        return tuple(dict.fromkeys(queue for _, queue in self.turns))

    def turn(self, number: int) -> tuple[str, str]:
        """Return the task name and queue of task `number`, counted from 0."""
        return self.turns[number % len(self.turns)]


class BrokerLink:
    """A connection to the broker that sends tasks of any name to any queue."""

    def __init__(self, app: Celery, connection: Connection) -> None:
        """Raises UsageError, BrokerError or redis.RedisError if a server cannot be used."""
        self._app = app
        self._connection = connection
        url = app.connection_for_write().as_uri(include_password=True)
        self.broker = broker.connect(url, "Check CELERY_BROKER_URL.", check=broker.answers)
        self._server = _records_server(app)
        self._senders: dict[tuple[str, str], Push] = {}
        self.read_clock()

    def read_clock(self) -> None:
        """Read the records' clock again, because clocks drift apart."""
        self._clock = Clock.read(self._server)

    def waiting(self, queue: str) -> int:
        """Return how many messages wait in `queue`."""
        channel: Any = self._connection.default_channel
        return int(channel._size(queue))

    def send(self, turn: tuple[str, str], due: Sequence[float]) -> None:
        """Send one task for each due time; times are by the monotonic clock."""
        if turn not in self._senders:
            task, queue = turn
            options = SubmitOptions(run=RUN, queue=queue)
            way = sender(self._app, self._connection, SMALL_WORK[task], options)
            self._senders[turn] = way.push
        offset_s = self._clock.offset_s
        ids = [str(uuid4()) for _ in due]
        self._senders[turn](ids, [at + offset_s for at in due], time.monotonic() + offset_s)


def _records_server(app: Celery) -> redis.Redis:
    """Connect to the Redis by whose clock the messages are dated."""
    try:
        _, server = connect(records_places(app), broker.PATIENCE_S)
    except NoRecordsError as error:
        raise UsageError(str(error)) from None
    broker.answers(server)
    return server


class LoadSender:
    """Sends a load over one connection until the connection breaks.

    It calls `on_sent` whenever the broker has taken tasks, and counts all tasks in `sent`.
    """

    def __init__(
        self,
        load: Load,
        link: BrokerLink,
        say: Say,
        on_sent: Callable[[], None],
        sent: Counter[str],
    ) -> None:
        self._load = load
        self._link = link
        self._say = say
        self._on_sent = on_sent
        self._sent = sent
        self._room = Room(load.queues, on_full=self._say_full)

    def send_until_broker_is_gone(self) -> None:
        """Send tasks when they are due; raise an error once the broker is gone."""
        self._measure_queues()  # they may be full already
        zero = time.monotonic()
        measured_at = read_at = said_at = zero
        looked_at = -inf
        number = 0
        while True:
            due = zero + due_s(number, self._load.rate_per_s)
            now = _wait_until(min(due, looked_at + pause.LOOK_S))
            if now - looked_at >= pause.LOOK_S:
                looked_at = now
                if self._sat_out_a_pause():
                    zero, number = time.monotonic(), 0
                    continue
            until = min(due_by(now - zero, self._load.rate_per_s), number + CHUNK)
            self._send(zero, range(number, until))
            number = max(number, until)
            if now - measured_at > MEASURE_S:
                measured_at = now
                self._measure_queues()
            if now - read_at > CLOCK_S:
                read_at = now
                self._link.read_clock()
            if now - said_at > PROGRESS_S:
                said_at = now
                self._say(self._progress())

    def _sat_out_a_pause(self) -> bool:
        """Wait while a race wants no load; return whether one did."""
        began = time.monotonic()
        if not pause.is_wanted(self._link.broker):
            return False
        self._say("paused for a race")
        while pause.is_wanted(self._link.broker):
            time.sleep(pause.LOOK_S)
        pause.resumed(self._link.broker)
        away_s = time.monotonic() - began
        self._say(f"resumed after a pause of {away_s:.1f} s{_skipped(away_s, self._load)}")
        return True

    def _send(self, zero: float, numbers: Sequence[int]) -> None:
        due: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        for number in numbers:
            due[self._load.turn(number)].append(zero + due_s(number, self._load.rate_per_s))
        for turn, instants in due.items():
            if granted := self._room.take(turn[1], len(instants)):
                self._link.send(turn, instants[:granted])
                self._sent[turn[0]] += granted
                self._on_sent()

    def _measure_queues(self) -> None:
        self._room.measured({queue: self._link.waiting(queue) for queue in self._load.queues})

    def _say_full(self, queue: str) -> None:
        self._say(
            f"{queue} is full: {MOST_WAITING:,} tasks wait in it, because the workers are slower "
            "than LOAD_RATE; from now on it gets only as many tasks as they finish"
        )

    def _progress(self) -> str:
        each = ", ".join(f"{task} {count:,}" for task, count in sorted(self._sent.items()))
        waiting = ", ".join(f"{queue} {self._link.waiting(queue):,}" for queue in self._load.queues)
        skipped = ", ".join(f"{queue} {n:,}" for queue, n in sorted(self._room.skipped.items()))
        return f"sent so far: {each or 'nothing'}; queued: {waiting}" + (
            f"; not sent, because the queue was full: {skipped}" if skipped else ""
        )


class _Outage:
    """Whether the broker takes tasks, and how long to wait before the next attempt if not."""

    def __init__(self, load: Load, say: Say) -> None:
        self._load = load
        self._say = say
        self._since: float | None = None
        self.wait_s = FIRST_WAIT_S

    def goes_on(self, reason: str) -> None:
        """Note a failed attempt; only the first of an outage is said."""
        if self._since is None:
            self._since = time.monotonic()
            self._say(f"the broker is not usable ({reason}); retrying until it is")
        else:
            self.wait_s = min(2 * self.wait_s, MOST_WAIT_S)

    def ends(self) -> None:
        """Note that the broker has taken tasks: one that only answers may still refuse them."""
        if self._since is not None:
            away_s = time.monotonic() - self._since
            self._say(f"the broker is back after {away_s:.1f} s{_skipped(away_s, self._load)}")
        self._since, self.wait_s = None, FIRST_WAIT_S


def serve(load: Load, app: Celery, say: Say) -> None:
    """Send `load` until interrupted; reconnect whenever the broker goes away.

    Raises UsageError if the app's broker is not Redis.
    """
    outage, sent = _Outage(load, say), Counter[str]()
    while True:
        try:
            with broker.connection(app) as connection:
                link = BrokerLink(app, connection)
                LoadSender(load, link, say, outage.ends, sent).send_until_broker_is_gone()
        except Exception as error:
            if not broker.is_broker_fault(error):
                raise
            outage.goes_on(broker.reason(error))
            time.sleep(outage.wait_s)


def _skipped(away_s: float, load: Load) -> str:
    return f"; tasks skipped meanwhile: about {away_s * load.rate_per_s:,.0f}"


def _wait_until(instant: float) -> float:
    while (now := time.monotonic()) < instant:
        time.sleep(instant - now)
    return now
