"""One repeat: submit a workload to one worker, follow its records, and close the ledger."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import redis
from celery import Celery
from kombu import Connection

from cluster.footprint import MemoryWatch, cpu_s
from lab.results.race import Account, Repeat, Span
from lab.session.protocols import Worker
from producer.ledger import Closing, Ledger
from producer.plan import Plan
from producer.queues import drain
from producer.records import RecordReader
from producer.submit import Order, Submission, Submitter
from worker.probe import Clock

#: Seconds that records may still be on their way after their worker has died.
LAST_RECORDS_S = 0.5
#: Seconds between two reports of progress.
PROGRESS_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What every measurement of a run uses."""

    app: Celery
    connection: Connection
    records: redis.Redis
    clock: Clock  # this process's, against the records' clock
    store_results: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a repeat has come."""

    ended: int
    elapsed_s: float


class Cost:
    """What a worker's processes take while it is entered; unknown where they cannot be seen."""

    def __init__(self, pid: int | None) -> None:
        self._pid = pid
        self._watch = None if pid is None else MemoryWatch(pid)
        self._before_s = 0.0
        self.cpu_s: float | None = None
        self.peak_pss_bytes: int | None = None

    def __enter__(self) -> Self:
        """Look at the beginning."""
        if self._pid is not None and self._watch is not None:
            self._before_s = cpu_s(self._pid)
            self._watch.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        """Look at the end."""
        if self._pid is not None and self._watch is not None:
            self.cpu_s = max(0.0, cpu_s(self._pid) - self._before_s)
            self._watch.__exit__()
            self.peak_pss_bytes = self._watch.peak_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A repeat, and the bound of its workers' clock error in seconds."""

    repeat: Repeat
    clock_error_s: float


def measure(
    bench: Bench,
    worker: Worker,
    plan: Plan,
    *,
    run: str,
    timeout_s: float,
    progress: Callable[[Progress], None] = lambda _progress: None,
) -> Measured:
    """Run `plan` on `worker` alone and account for each of its tasks.

    Ends when each has ended, when `timeout_s` seconds have passed, or soon after the worker died.
    """
    reader = RecordReader(bench.records)
    ledger = Ledger(run)
    submitter = Submitter(bench.app, bench.connection, bench.clock)
    with Cost(worker.pid) as cost:
        submission = submitter.submit(
            plan, Order(run=run, queue=worker.queue, store_result=bench.store_results)
        )
        ledger.submit(submission.ids)
        others = _follow(
            ledger,
            reader,
            worker,
            timeout_s,
            lambda: progress(_progress(ledger, submission, bench)),
        )
    waiting = drain(bench.connection, worker.queue) if ledger.open else ()
    closing = ledger.close(waiting=waiting, worker_alive=worker.alive)
    repeat = replace(_repeat(closing, submission, worker, cost), others=others)
    return Measured(repeat=repeat, clock_error_s=reader.worst_error_s)


def _follow(
    ledger: Ledger,
    reader: RecordReader,
    worker: Worker,
    timeout_s: float,
    report: Callable[[], None],
) -> int:
    """Enter records until all have ended or time is up; return how many were of other runs."""
    deadline = time.monotonic() + timeout_s
    died = False
    others = 0
    while ledger.open and time.monotonic() < deadline:
        for batch in reader.read(PROGRESS_S):
            ledger.enter(batch.records)
            if batch.node == worker.node:
                others += sum(record.run != ledger.run for record in batch.records)
        report()
        if not died and not worker.alive:
            died = True
            deadline = time.monotonic() + LAST_RECORDS_S
    return others


def _progress(ledger: Ledger, submission: Submission, bench: Bench) -> Progress:
    elapsed_s = time.monotonic() + bench.clock.offset_s - submission.started
    return Progress(ended=len(submission.ids) - ledger.open, elapsed_s=elapsed_s)


def _repeat(
    closing: Closing,
    submission: Submission,
    worker: Worker,
    cost: Cost,
) -> Repeat:
    zero = submission.started
    ends_s = tuple(record.finished - zero for record in closing.finished)
    makespan_s = ends_s[-1] if ends_s else 0.0
    started = [(record, record.started or record.received) for record in closing.finished]
    spans = [
        Span(slot=r.slot or "?", started_s=start - zero, finished_s=r.finished - zero)
        for r, start in started
    ]
    return Repeat(
        makespan_s=makespan_s,
        throughput_per_s=len(ends_s) / makespan_s if makespan_s else 0.0,
        latencies_s=tuple(r.finished - (r.due or zero) for r in closing.finished),
        finished_at_s=ends_s,
        service_s=tuple(record.finished - start for record, start in started),
        spans=tuple(spans),
        cpu_s=cost.cpu_s,
        peak_pss_bytes=cost.peak_pss_bytes,
        submit_s=submission.submit_s,
        worst_slip_s=submission.worst_slip_s,
        account=_account(closing),
        worker_died="" if worker.alive else worker.how_it_ended(),
    )


def _account(closing: Closing) -> Account:
    return Account(
        submitted=closing.submitted,
        finished=len(closing.finished),
        failed=len(closing.failed),
        lost=len(closing.lost),
        timed_out=len(closing.timed_out),
        unserved=len(closing.unserved),
        duplicated=closing.duplicated,
        lost_ids=tuple(sorted(closing.lost)),
    )
