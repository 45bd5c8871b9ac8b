"""Runs the task alone, a few times: does it work, how long does it take, what does it cost?"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

import msgspec
import numpy as np

from cluster.footprint import MemoryWatch, children_bytes, cpu_s, pss_bytes, runnable_s
from lab.project.counting import duration_s
from lab.project.sending import CallSender
from lab.project.strays import Strays
from lab.project.workers import Group, GroupSpec, ProjectWorkers
from lab.results.advice import Profile
from lab.session.session import Session
from producer.plan import Work
from producer.records import Record, RecordReader
from tasks.errors import PoolwiseError, WorkerError
from worker.pools import POOLS

#: Distinct calls that are tried, and how often each of them, so that results can be compared.
CALLS, TIMES = 5, 2
#: Further runs of short tasks, until this much time has been spent or there are so many.
MORE_S, MOST_RUNS = 1.5, 30
#: Seconds that a single run may take.
LONGEST_RUN_S = 120.0


class TaskFailedError(PoolwiseError):
    """Raised when most of the first tries of the user's task fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One run of one call, alone."""

    call: int  # its number
    record: Record
    result: Any  # what the task returned, as its result backend holds it
    traceback: str  # empty if it succeeded

    @property
    def run_s(self) -> float:
        """Seconds from start to end."""
        return duration_s(self.record)


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstTries:
    """The profile, and what calls return that always return the same."""

    profile: Profile
    results: dict[int, Any]  # by the call's number
    runs_s: dict[int, list[float]] = field(default_factory=dict)  # the run times, by the same
    retries: int = 0  # that the worker still waits to make

    @property
    def mean_s(self) -> float:
        """The mean of the run times."""
        return fmean(one for runs in self.runs_s.values() for one in runs)

    @property
    def least_s(self) -> float:
        """The mean of each call's fastest run, which no pool can beat."""
        return fmean(min(runs) for runs in self.runs_s.values())


def first_tries(
    session: Session,
    workers: ProjectWorkers,
    sender: CallSender,
    calls: Sequence[Work],
    progress: Callable[[int], None] = lambda _done: None,
) -> FirstTries:
    """Run calls one at a time in one process, and return what they cost.

    A run that asks for a retry ends there, and counts as one that failed.

    Raises TaskFailedError, with the traceback, if most of them fail, WorkerError if the worker
    dies or a task takes too long.
    """
    group = workers.start(GroupSpec(pool=POOLS["prefork"], concurrency=1))
    try:
        return try_alone(session, group, sender, calls[:CALLS], progress)
    finally:
        workers.stop(group)


def try_alone(
    session: Session,
    group: Group,
    sender: CallSender,
    calls: Sequence[Work],
    progress: Callable[[int], None] = lambda _done: None,
) -> FirstTries:
    """Run calls of one task one at a time in `group`, which has one process.

    Raises as `first_tries` does.
    """
    runner = _Runner(session, group, sender)
    runner.run(0, calls[0])  # the first run loads modules and opens connections
    strays, runs_before = Strays(session), runner.runs
    pid = group.children[0].pid
    idle_bytes, process_bytes = pss_bytes(pid), children_bytes(pid)
    before_s, ready_before_s = cpu_s(pid), runnable_s(pid) or 0.0
    tries: list[Try] = []
    started_s = time.monotonic()
    with MemoryWatch(pid) as watch:
        for number in range(MOST_RUNS):
            enough = number >= TIMES * len(calls) and time.monotonic() - started_s > MORE_S
            if enough or (number >= TIMES and time.monotonic() - started_s > LONGEST_RUN_S / 6):
                break
            which = number % len(calls)
            tries.append(runner.run(which, calls[which]))
            progress(len(tries))
    used_s, ready_s = cpu_s(pid) - before_s, (runnable_s(pid) or 0.0) - ready_before_s
    _check(tries, calls, group)
    runs = runner.runs - runs_before  # with retries that came due meanwhile
    run_s = [one.run_s for one in tries]
    profile = Profile(
        runs=len(tries),
        failed=sum(one.record.outcome != "succeeded" for one in tries),
        run_s=float(np.median(run_s)),
        fastest_s=min(run_s),
        slowest_s=max(run_s),
        cpu_s=max(0.0, used_s / runs),
        worker_bytes=idle_bytes,
        process_bytes=None if process_bytes is None else min(process_bytes, idle_bytes),
        slot_bytes=max(0, watch.peak_bytes - idle_bytes),
        sends=strays.remove() / runs,
        ready_s=max(0.0, ready_s / runs),
    )
    runs_s: dict[int, list[float]] = {}
    for one in tries:
        runs_s.setdefault(one.call, []).append(one.run_s)
    return FirstTries(
        profile=profile, results=_constant(tries), runs_s=runs_s, retries=len(runner.retries)
    )


class _Runner:
    def __init__(self, session: Session, group: Group, sender: CallSender) -> None:
        self._session = session
        self._group = group
        self._sender = sender
        self._reader = RecordReader(session.records)
        self.runs = 0  # that have ended so far
        self.retries: set[str] = set()  # tasks that have asked for one, and not yet run again

    def run(self, number: int, call: Work) -> Try:
        """Run one call and wait for its end; a retry may follow."""
        run = f"{self._session.run}.first"
        task_id = self._sender.send_one(call, run=run, queue=self._group.queue)
        deadline = time.monotonic() + LONGEST_RUN_S
        while time.monotonic() < deadline and self._group.alive:
            ended = [
                record
                for batch in self._reader.read(0.05)
                for record in batch.records
                if record.run == run and record.ends_run
            ]
            for record in ended:
                self._note(record)
            for record in ended:
                if record.task_id == task_id:
                    result, traceback = stored(self._session, task_id)
                    return Try(call=number, record=record, result=result, traceback=traceback)
            self._session.cluster.check()
        if not self._group.alive:
            raise WorkerError(self._group.failure())
        raise WorkerError(
            f"{call.task} did not end within {LONGEST_RUN_S:g} s in a run alone in one process; "
            "try a call that takes less time"
        )

    def _note(self, record: Record) -> None:
        self.runs += 1
        if record.outcome == "retried":
            self.retries.add(record.task_id)
        else:
            self.retries.discard(record.task_id)


def indented(text: str) -> str:
    """Return a text as lines below an error."""
    return "\n".join(f"    {line}" for line in text.strip().splitlines())


def stored(session: Session, task_id: str) -> tuple[Any, str]:
    """Return a task's result and its traceback, as far as the private backend has them."""
    text = session.records.get(f"celery-task-meta-{task_id}")
    try:
        found = msgspec.json.decode(text) if isinstance(text, bytes) else {}
    except msgspec.DecodeError:  # the project stores results in another format
        return None, ""
    if found.get("status") == "SUCCESS":
        return found.get("result"), ""
    return None, str(found.get("traceback") or _error(found.get("result")) or "")


def _error(found: Any) -> str:
    """Write an error without a traceback, such as a time limit, as Python would."""
    match found:
        case {"exc_type": kind, "exc_message": message}:
            parts = message if isinstance(message, list | tuple) else [message]
            return f"{kind}: {', '.join(map(str, parts))}"
    return str(found or "")


def _check(tries: Sequence[Try], calls: Sequence[Work], group: Group) -> None:
    failed = [one for one in tries if one.record.outcome != "succeeded"]
    if 2 * len(failed) <= len(tries):
        return
    first = failed[0]
    # A task that ignores its result stores no traceback, but the worker has logged it.
    lines = indented(first.traceback) or group.children[0].log_tail()
    what = "Its traceback" if first.traceback else "The end of its worker's log"
    ends = {one.record.outcome == "retried" for one in failed}
    how = " or ".join("asked for a retry" if retried else "failed" for retried in sorted(ends))
    raise TaskFailedError(
        f"{len(failed)} of the first {len(tries)} runs {how}, so nothing more was tried; check "
        f"the arguments of {calls[first.call].task}. {what}:\n{lines}"
    )


def _constant(tries: Sequence[Try]) -> dict[int, Any]:
    """Return the results of the calls that returned the same each time, of two times or more."""
    results: dict[int, list[Any]] = {}
    for one in tries:
        if one.record.outcome == "succeeded":
            results.setdefault(one.call, []).append(one.result)
    return {
        call: found[0]
        for call, found in results.items()
        if len(found) > 1 and all(result == found[0] for result in found)
    }
