"""One repeat: submit a workload to one worker, follow its records, and close the ledger."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from celery import Celery

from cluster.local import DYING_S
from lab.measure.cost import Cost
from lab.measure.follow import follow
from lab.measure.other_tasks import OtherTasks
from lab.results.common import Span
from lab.results.race import Account, Repeat
from lab.session.protocols import Worker
from lab.session.session import Session
from producer.ledger import Ledger, LedgerTotals
from producer.plan import Plan, VariedPlan
from producer.queues import drain
from producer.records import RecordReader
from producer.submit import Submission, SubmitOptions, Submitter
from worker.probe import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatSpec:
    """What one repeat submits, and how long it may take."""

    run: str
    plan: Plan | VariedPlan
    timeout_s: float
    slots: int = 1  # of the worker
    store_results: bool = False
    app: Celery | None = None  # makes the messages; None: the session's app


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a repeat has come."""

    ended: int
    elapsed_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A repeat, the bound of its workers' clock error in seconds, and what it leaves."""

    repeat: Repeat
    clock_error_s: float
    left: frozenset[str] = frozenset()  # tasks that the worker still holds, by id


def measure(
    session: Session,
    worker: Worker,
    spec: RepeatSpec,
    progress: Callable[[Progress], None] = lambda _progress: None,
) -> Measured:
    """Run a plan on `worker` alone and account for each of its tasks.

    Ends when every task has ended, when the time is up, or soon after the worker has died. A repeat
    during which the clock of the records' server moved has no times. Raises BrokerError or
    WorkerError if a server of the session dies.
    """
    clock = session.server_clock.settled()
    reader = RecordReader(session.records)
    ledger = Ledger(spec.run)
    submitter = Submitter(spec.app or session.app, session.connection, clock)
    others = OtherTasks(worker.node, spec.run)
    with Cost(worker.pid) as cost:
        submission = submitter.submit(
            spec.plan,
            SubmitOptions(run=spec.run, queue=worker.queue, store_result=spec.store_results),
        )
        ledger.submit(submission.ids)
        for step in follow(reader, ledger, [worker], spec.timeout_s):
            session.cluster.check()
            others.enter(step)
            progress(_progress(ledger, submission, clock))
    waiting = drain(session.connection, worker.queue) if ledger.open else ()
    totals = ledger.close(waiting=waiting, worker_alive=worker.alive)
    if totals.failed:
        session.cluster.check(dying_s=DYING_S)
    repeat = _repeat(totals, submission, worker, cost)
    end = submission.started + repeat.makespan_s
    repeat = replace(
        repeat,
        others=others.count,
        others_slot_share=others.slot_share(submission.started, end, spec.slots),
    )
    if moved_s := session.server_clock.moved_s(clock):
        repeat = _without_times(repeat, moved_s)
    return Measured(repeat=repeat, clock_error_s=reader.worst_error_s, left=totals.timed_out)


def _progress(ledger: Ledger, submission: Submission, clock: Clock) -> Progress:
    elapsed_s = time.monotonic() + clock.offset_s - submission.started
    return Progress(ended=len(submission.ids) - ledger.open, elapsed_s=elapsed_s)


def _repeat(
    totals: LedgerTotals,
    submission: Submission,
    worker: Worker,
    cost: Cost,
) -> Repeat:
    zero = submission.started
    ends_s = tuple(record.finished - zero for record in totals.finished)
    makespan_s = ends_s[-1] if ends_s else 0.0
    started = [(record, record.started or record.received) for record in totals.finished]
    spans = [
        Span(slot=r.slot or "?", started_s=start - zero, finished_s=r.finished - zero)
        for r, start in started
    ]
    return Repeat(
        makespan_s=makespan_s,
        throughput_per_s=len(ends_s) / makespan_s if makespan_s else 0.0,
        latencies_s=tuple(r.finished - (r.due or zero) for r in totals.finished),
        finished_at_s=ends_s,
        service_s=tuple(record.finished - start for record, start in started),
        spans=tuple(spans),
        cpu_s=cost.cpu_s,
        peak_pss_bytes=cost.peak_pss_bytes,
        submit_s=submission.submit_s,
        worst_slip_s=submission.worst_slip_s,
        account=_account(totals),
        worker_died="" if worker.alive else worker.how_it_ended(),
    )


def _without_times(repeat: Repeat, moved_s: float) -> Repeat:
    """Leave out what mixes times from before and after the clock moved."""
    return replace(
        repeat,
        makespan_s=0.0,
        throughput_per_s=0.0,
        latencies_s=(),
        finished_at_s=(),
        service_s=(),
        spans=(),
        others_slot_share=0.0,
        clock_moved_s=moved_s,
    )


def _account(totals: LedgerTotals) -> Account:
    return Account(
        submitted=totals.submitted,
        finished=len(totals.finished),
        failed=len(totals.failed),
        lost=len(totals.lost),
        timed_out=len(totals.timed_out),
        unserved=len(totals.unserved),
        duplicated=totals.duplicated,
        lost_ids=tuple(sorted(totals.lost)),
    )
