"""Sends a mix of tasks to lanes, each call to the queue of its task."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from uuid import uuid4

from lab.advise.task_mix import Mix
from lab.project.sending import CallSender
from lab.session.session import Session
from producer.plan import Work
from producer.submit import Sender, SubmitOptions, sender


class Feed:
    """Calls of a mix for one run, in the proportions of the mix.

    As soon as one queue has enough, none gets more. A group that is faster than the other so waits
    for it, as it would in production, where tasks arrive in these proportions too. Otherwise it
    would take the machine's time for tasks that are of no use to the whole.
    """

    def __init__(
        self,
        session: Session,
        calls: CallSender,
        mix: Mix,
        queue_of: Mapping[str, str],
        *,
        run: str,
        seed: int,
    ) -> None:
        self._session = session
        self._app = calls.app
        self._queue_of = queue_of
        self._run = run
        self._order = mix.order(seed)
        self._ways: dict[int, Sender] = {}  # by the call's identity: arguments are not hashable

    def send(self, room: Mapping[str, int]) -> dict[str, str]:
        """Send calls while each queue has room; return the queue of each task, by its id."""
        sent: dict[str, str] = {}
        for call, count in _rows(self._chosen(dict(room))):
            ids = [str(uuid4()) for _ in range(count)]
            now = time.monotonic() + self._session.clock.offset_s
            self._way(call).push(ids, [now] * count, now)
            sent.update(dict.fromkeys(ids, self._queue_of[call.task]))
        return sent

    def _chosen(self, room: dict[str, int]) -> Iterator[Work]:
        while all(left > 0 for left in room.values()):
            call = next(self._order)
            room[self._queue_of[call.task]] -= 1
            yield call

    def _way(self, call: Work) -> Sender:
        if id(call) not in self._ways:
            options = SubmitOptions(
                run=self._run, queue=self._queue_of[call.task], store_result=False
            )
            self._ways[id(call)] = sender(self._app, self._session.connection, call, options)
        return self._ways[id(call)]


def _rows(calls: Iterator[Work], most: int = 100) -> Iterator[tuple[Work, int]]:
    """Count calls of one kind that follow each other."""
    last: Work | None = None
    count = 0
    for call in calls:
        if last is not None and (call is not last or count == most):
            yield last, count
            count = 0
        last, count = call, count + 1
    if last is not None:
        yield last, count
