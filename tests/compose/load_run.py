"""A run submitted from outside the cluster and followed until all tasks have ended."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import redis
from kombu import Connection

from cluster.wait import wait_until
from producer.ledger import Ledger, LedgerTotals
from producer.plan import Plan
from producer.queues import drain
from producer.records import Batch, Record, RecordReader
from producer.submit import SubmitOptions, Submitter
from tasks.celery import app
from worker.delivery.keys import Keys
from worker.probe import Clock


class LoadRun:
    """One run: submit any number of plans, then follow it until every task has ended.

    Reading goes on through outages of the broker.
    """

    def __init__(self, url: str) -> None:
        app.loader.import_default_modules()
        self.run = f"compose-{uuid4()}"
        self.url = url
        self.server = redis.Redis.from_url(url, socket_timeout=5)
        self.clock = Clock.read(self.server)
        self.reader = RecordReader(self.server)
        self.batches: list[Batch] = []
        self._ledger = Ledger(self.run)

    def submit(self, plan: Plan, queue: str) -> None:
        """Send the plan's tasks, each when it is due. Any thread may call this."""
        with self.connection() as connection:
            submitter = Submitter(app, connection, self.clock)
            self._ledger.submit(
                submitter.submit(plan, SubmitOptions(run=self.run, queue=queue)).ids
            )

    def connection(self) -> Connection:
        """Return a connection to the broker."""
        return app.connection_for_write(self.url)

    @property
    def records(self) -> list[Record]:
        """The records of this run that were read so far."""
        return [record for batch in self.batches for record in batch.records if self._own(record)]

    @property
    def open(self) -> int:
        """The number of tasks that have not ended, according to the records read so far."""
        return self._ledger.open

    def read(self) -> list[Batch]:
        """Read the available records; return an empty list if the broker is down."""
        try:
            batches = self.reader.read(0.1)
        except (redis.RedisError, OSError):
            return []
        self.batches += batches
        for batch in batches:
            self._ledger.enter(batch.records)
        return batches

    def held(self, queue: str) -> int:
        """Count the messages of a queue that are waiting, or delivered but not acknowledged.

        Reads the keys in which each worker notes what it holds (`worker.delivery.keys`).
        """
        keys = Keys(prefix="", unacked="poolwise:unacked", index="poolwise:unacked_index")
        owners: list[Any] = list(self.server.hkeys(keys.owners))
        held = [self.server.hvals(keys.held(owner.decode())) for owner in owners]
        delivered = [json.loads(message)[2] for messages in held for message in messages]
        return int(self.server.llen(queue)) + delivered.count(queue)

    def settle(self, timeout_s: float) -> bool:
        """Follow the records until every task has ended; return whether that happened in time."""
        try:
            return wait_until(self._all_ended, timeout_s, TimeoutError)
        except TimeoutError:
            return False

    def close(self, *queues: str) -> LedgerTotals:
        """Close the ledger, assuming that no worker holds a task any more."""
        with self.connection() as connection:
            waiting = [task_id for queue in queues for task_id in drain(connection, queue)]
        return self._ledger.close(waiting=waiting, worker_alive=False)

    def _all_ended(self) -> bool:
        self.read()
        return not self.open

    def _own(self, record: Record) -> bool:
        return record.run == self.run


def most_at_once(records: Sequence[Record]) -> int:
    """Return the largest number of tasks that ran at the same time."""
    changes = [(record.started or record.finished, 1) for record in records]
    changes += [(record.finished, -1) for record in records]
    running, most = 0, 0
    for _, change in sorted(changes):
        running += change
        most = max(most, running)
    return most


def accounts_for_all(totals: LedgerTotals) -> bool:
    """Say whether the ends of the ledger are disjoint and together all that was submitted."""
    ends = [
        {record.task_id for record in totals.finished},
        totals.failed,
        totals.lost,
        totals.unserved,
        totals.timed_out,
    ]
    return sum(map(len, ends)) == totals.submitted == len(set().union(*ends))
