"""Keeps the steps of the history in Redis; it knows neither Flower nor the history.

Each step has a key of its own, which expires. Several Flowers may write the same one: each value is
complete in itself.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import redis

from monitor.history.tiers import COARSE, RANGE_S
from monitor.reading.record_follower import RecordFollower
from monitor.storing.stored_step import MAX_BYTES, StoredStep, UnreadableStepError, decode
from monitor.storing.stored_steps import StoredSteps, Unstored
from producer.broker import PATIENCE_S

#: A step's key begins with this; then comes its first second.
PREFIX: Final = "poolwise:history:"
#: Seconds after which a step expires.
EXPIRE_S: Final = RANGE_S + 600
#: Seconds between two looks for steps to store.
STORE_EVERY_S: Final = 1.0
#: Steps read at once.
STEPS_PER_READ: Final = 60

logger = logging.getLogger(__name__)


class HistoryKeeper:
    """Reads and writes steps on the Redis that holds the records."""

    def __init__(self, records: RecordFollower, steps: StoredSteps) -> None:
        self._records = records
        self._found: tuple[str, redis.Redis] | None = None
        self._steps = steps
        self._newest_s: int | None = None
        self.unreadable = 0  # values that do not have the shape of a step

    @property
    def _server(self) -> redis.Redis:
        place = self._records.place
        if self._found is None or self._found[0] != place.name:
            self._found = place.name, place.client(PATIENCE_S)
        return self._found[1]

    def load(self, now_s: float) -> Iterator[list[StoredStep]]:
        """Return the steps of the last hour, oldest first, some at a time.

        Raises redis.RedisError or OSError if the server does not answer.
        """
        last_s = int(now_s) // COARSE.step_s * COARSE.step_s
        starts = range(last_s - RANGE_S, last_s + 1, COARSE.step_s)
        for first in range(0, len(starts), STEPS_PER_READ):
            some = starts[first : first + STEPS_PER_READ]
            with self._server.pipeline(transaction=False) as pipe:
                for at_s in some:
                    # A longer value is not one of a Flower: do not read more of it.
                    pipe.getrange(f"{PREFIX}{at_s}", 0, MAX_BYTES)
                replies = pipe.execute(raise_on_error=False)
            found = map(self._step, some, replies)
            yield [step for step in found if step is not None]

    def follow(self, stop: threading.Event, delivered: Callable[[], None]) -> None:
        """Write steps until `stop` is set, and call `delivered` whenever all are written.

        Raises redis.RedisError or OSError if the server does not answer. Call it again then.
        """
        while not stop.wait(STORE_EVERY_S):
            exists = self._server.exists(f"{PREFIX}{self._newest_s}")
            if self._newest_s is not None and not exists:
                self._steps.note_lost()
            while (steps := self._steps.take()) and not stop.is_set():
                self._write(steps)
            delivered()

    def _write(self, steps: Sequence[Unstored]) -> None:
        with self._server.pipeline(transaction=False) as pipe:
            for step in steps:
                pipe.set(f"{PREFIX}{step.at_s}", step.body, ex=EXPIRE_S)
            pipe.execute()
        self._steps.note_stored(steps)
        self._newest_s = max(step.at_s for step in steps)

    def _step(self, at_s: int, reply: Any) -> StoredStep | None:
        if isinstance(reply, redis.ResponseError) and str(reply).startswith("WRONGTYPE"):
            self._skip("it is not a string")
        if not isinstance(reply, bytes) or not reply:  # none, or not readable by this user
            return None
        try:
            return decode(reply, at_s)
        except UnreadableStepError as error:
            self._skip(str(error))
            return None

    def _skip(self, why: str) -> None:
        if not self.unreadable:
            logger.warning("skipping stored history that cannot be read, the first because %s", why)
        self.unreadable += 1
