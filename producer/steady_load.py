"""A steady light load without an end, that outlives its broker; it reads no records.

Open loop: task k is due at its instant whatever happened before. Only an outage of the broker ends
a plan: a new one begins when the broker is back, for nobody wants to see the flood of what was due
in between. A queue that nobody serves gets no more than `MOST_WAITING`.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import kombu.exceptions
import redis
from celery import Celery
from kombu import Connection

from producer import broker, message_template
from producer.mix import SMALL_WORK
from producer.plan import due_by, due_s
from producer.submit import CHUNK, Push, SubmitOptions, batching, stamping
from tasks.errors import BrokerError
from worker.probe import Clock, records_url

#: The run's id in the header of every message of this load.
RUN = "light"
#: Seconds between two attempts to reach the broker: the first, and the most.
FIRST_WAIT_S, MOST_WAIT_S = 0.5, 15.0
#: Seconds between two looks at the queues and the clock, and between two lines of progress.
LOOK_S, PROGRESS_S = 10.0, 60.0
#: Messages waiting in a queue beyond which it gets no more until there are fewer.
MOST_WAITING = 5_000

#: What a broker that goes away makes of a call.
AWAY = (redis.RedisError, OSError, kombu.exceptions.OperationalError, BrokerError)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What to send, for ever."""

    rate_per_s: float  # more than 0
    turns: tuple[tuple[str, str], ...]  # task and queue of one task after the other, then again

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues, each once."""
        return tuple(dict.fromkeys(queue for _, queue in self.turns))

    def turn(self, number: int) -> tuple[str, str]:
        """Return task and queue of task `number`, counted from 0."""
        return self.turns[number % len(self.turns)]


class BrokerLink:
    """A connection to the broker, with a sender for each task and queue."""

    def __init__(self, app: Celery, connection: Connection) -> None:
        """Raises BrokerError where the broker cannot be reached."""
        url = app.connection_for_write().as_uri(include_password=True)
        self._app = app
        self._connection = connection
        self._server = broker.connect(records_url(app) or url)
        self._sender = stamping if message_template.supports(connection) else batching
        self._senders: dict[tuple[str, str], Push] = {}
        self.look()

    def look(self) -> None:
        """Read the records' clock again."""
        self._clock = Clock.read(self._server)

    def waiting(self, queue: str) -> int:
        """Count the messages that wait in `queue`."""
        channel: Any = self._connection.default_channel
        return int(channel._size(queue))

    def send(self, turn: tuple[str, str], due: Sequence[float]) -> None:
        """Send a task for each instant that it was due at, on the monotonic clock."""
        if turn not in self._senders:
            task, queue = turn
            options = SubmitOptions(run=RUN, queue=queue)
            self._senders[turn] = self._sender(
                self._app, self._connection, SMALL_WORK[task], options
            )
        offset_s = self._clock.offset_s
        ids = [str(uuid4()) for _ in due]
        self._senders[turn](ids, [at + offset_s for at in due], time.monotonic() + offset_s)


class LoadSender:
    """Follows a load over one line, for as long as the line holds."""

    def __init__(self, load: Load, link: BrokerLink, say: Say) -> None:
        self._load = load
        self._link = link
        self._say = say
        self._sent: Counter[str] = Counter()
        self._full: Mapping[str, int] = {}

    def send_until_broker_is_gone(self) -> None:
        """Send what is due, until the broker goes away: raises one of `AWAY` then."""
        zero = time.monotonic()
        look_at = said_at = zero
        number = 0
        while True:
            now = _wait_until(zero + due_s(number, self._load.rate_per_s))
            until = min(due_by(now - zero, self._load.rate_per_s), number + CHUNK)
            self._send(zero, range(number, until))
            number = max(number, until)
            if now - look_at > LOOK_S:
                look_at = now
                self._look()
            if now - said_at > PROGRESS_S:
                said_at = now
                self._say(self._progress())

    def _send(self, zero: float, numbers: Sequence[int]) -> None:
        due: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        for number in numbers:
            due[self._load.turn(number)].append(zero + due_s(number, self._load.rate_per_s))
        for turn, instants in due.items():
            if turn[1] not in self._full:
                self._link.send(turn, instants)
                self._sent[turn[0]] += len(instants)

    def _look(self) -> None:
        self._link.look()
        waiting = {queue: self._link.waiting(queue) for queue in self._load.queues}
        full = {queue: n for queue, n in waiting.items() if n >= MOST_WAITING}
        for queue in full.keys() - self._full.keys():
            self._say(f"{full[queue]:,} tasks wait in {queue}: no more are sent there for now")
        self._full = full

    def _progress(self) -> str:
        each = ", ".join(f"{task} {count:,}" for task, count in sorted(self._sent.items()))
        waiting = ", ".join(f"{queue} {self._link.waiting(queue):,}" for queue in self._load.queues)
        return f"sent so far: {each}; waiting: {waiting}"


def serve(load: Load, app: Celery, say: Say) -> None:
    """Follow `load` until interrupted; come back to a broker that went away.

    Raises UsageError where the app's broker is no Redis.
    """
    wait_s, away_since = FIRST_WAIT_S, None
    while True:
        try:
            with app.connection_for_write() as connection:
                link = BrokerLink(app, connection)
                if away_since is not None:
                    say(_back(time.monotonic() - away_since, load.rate_per_s))
                wait_s, away_since = FIRST_WAIT_S, None
                LoadSender(load, link, say).send_until_broker_is_gone()
        except AWAY as error:
            if away_since is None:
                away_since = time.monotonic()
                say(f"{_reason(error)}; trying again until it does")
            time.sleep(wait_s)
            wait_s = min(2 * wait_s, MOST_WAIT_S)


def _back(away_s: float, rate_per_s: float) -> str:
    return (
        f"the broker answers, {away_s:.1f} s later; about {away_s * rate_per_s:,.0f} tasks that "
        "were due meanwhile are not sent"
    )


def _reason(error: BaseException) -> str:
    """Say in one line, and without a password, what a broker that is away said last."""
    if isinstance(error, BrokerError):
        return str(error).partition("). ")[0] + ")"
    return f"the broker no longer answers ({str(error).partition(chr(10))[0]})"


def _wait_until(instant: float) -> float:
    while (now := time.monotonic()) < instant:
        time.sleep(instant - now)
    return now
