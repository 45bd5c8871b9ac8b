"""Sends load in the background of a test, with a ledger of every task."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import redis
from celery import Celery
from kombu import Connection

from cluster.wait import wait_until
from producer.ledger import Ledger, LedgerTotals
from producer.plan import Plan, Work
from producer.records import Batch, RecordReader
from producer.submit import SubmitOptions, Submitter
from worker.probe import Clock

RUN = "load-of-a-test"


@dataclass(kw_only=True)
class BackgroundLoad:
    """A context manager that sends tasks at a steady rate and enters each in its ledger."""

    app: Celery
    connection: Connection
    server: redis.Redis
    queue: str
    work: Work
    rate_per_s: int

    def __post_init__(self) -> None:
        """Start reading records."""
        self.ledger = Ledger(RUN)
        self.batches: list[Batch] = []
        self._reader = RecordReader(self.server)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> BackgroundLoad:
        """Start sending."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop sending."""
        self._done.set()
        self._thread.join(timeout=30)

    def settled(self, timeout_s: float = 30.0) -> LedgerTotals:
        """Wait until every task has ended, then close the ledger."""
        wait_until(
            self._all_ended,
            timeout_s,
            lambda: AssertionError(f"{self.ledger.open} tasks have not ended"),
        )
        return self.ledger.close(waiting=(), worker_alive=True)

    def _all_ended(self) -> bool:
        self._read(0.05)
        return self.ledger.open == 0

    def _read(self, timeout_s: float) -> None:
        for batch in self._reader.read(timeout_s):
            self.batches.append(batch)
            self.ledger.enter(batch.records)

    def _run(self) -> None:
        submitter = Submitter(self.app, self.connection, Clock.read(self.server))
        half_s = tuple(number / self.rate_per_s for number in range(self.rate_per_s // 2))
        while not self._done.is_set():
            plan = Plan(work=self.work, due_s=half_s)
            sent = submitter.submit(plan, SubmitOptions(run=RUN, queue=self.queue))
            self.ledger.submit(sent.ids)
            self._read(0.01)
