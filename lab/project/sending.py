"""Sends the calls of a project to its private workers, without importing the project."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from celery import Celery

from lab.session.session import Session
from producer.plan import Plan, Work, burst
from producer.submit import SubmitOptions, Submitter

#: How many calls of one kind are sent in a row at most, if there are several kinds.
ROW = 5


class CallSender:
    """Sends calls in a random but fixed order, each as often as the others."""

    def __init__(self, session: Session, calls: Sequence[Work], *, seed: int) -> None:
        self.app = stub({call.task for call in calls})
        self._session = session
        self._calls = tuple(calls)
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self._turn: list[Work] = []

    def send(
        self, count: int, *, run: str, queue: str, store_result: bool = False
    ) -> tuple[str, ...]:
        """Send the next `count` calls at once; return their task ids.

        Raises redis.RedisError or OSError if the broker cannot be reached.
        """
        options = SubmitOptions(run=run, queue=queue, store_result=store_result)
        ids: list[str] = []
        while (left := count - len(ids)) > 0:
            row = left if len(self._calls) == 1 else min(left, ROW)
            ids += self._submit(burst(self._next(), row), options)
        return tuple(ids)

    def send_one(self, call: Work, *, run: str, queue: str) -> str:
        """Send one call, whose result is stored; return its task id."""
        options = SubmitOptions(run=run, queue=queue, store_result=True)
        [task_id] = self._submit(burst(call, 1), options)
        return task_id

    def _submit(self, plan: Plan, options: SubmitOptions) -> tuple[str, ...]:
        session = self._session
        return Submitter(self.app, session.connection, session.clock).submit(plan, options).ids

    def _next(self) -> Work:
        if not self._turn:
            self._turn = self._random.sample(self._calls, len(self._calls))
        return self._turn.pop()


def stub(names: set[str]) -> Celery:
    """Return an app that can make messages for the tasks, and connects to nothing."""
    app = Celery("poolwise-sender", set_as_current=False)
    for name in names:

        def body(*_args: Any, **_kwargs: Any) -> None:
            raise NotImplementedError  # it runs in the project's workers

        app.task(name=name, typing=False, shared=False)(body)
    return app
