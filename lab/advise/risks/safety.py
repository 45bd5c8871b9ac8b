"""Does the task do the same with others next to it in one process as it does alone?

A task that fails or returns something else now and then does so anywhere. So what is suspicious in
threads or greenlets is compared with the same calls at the same time in processes of their own.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lab.advise.trial.failures import Tally, fails_more
from lab.project.first_tries import FirstTries, stored
from lab.project.sending import CallSender
from lab.project.workers import Group
from lab.session.session import Session
from producer.plan import Work
from producer.queues import drain
from producer.records import Record, RecordReader

#: Runs of a check, at least and at most.
FEWEST, MOST = 24, 96
#: Seconds that a check should take; long tasks run only once in each slot.
SHORT_S: Final = 5.0
#: Seconds after which a check ends in any case.
LONGEST_S: Final = 30.0
#: Characters of a result or an error that are shown.
SHOWN: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyCheck:
    """What to run, and what single runs have shown."""

    calls: Sequence[Work]
    tried: FirstTries
    left_s: Callable[[], float] = lambda: math.inf  # seconds that are left for the search

    @property
    def results(self) -> Mapping[int, Any]:
        """What each call always returns, by its number."""
        return self.tried.results

    @property
    def run_s(self) -> float:
        """Seconds of a run alone."""
        return self.tried.profile.run_s

    @property
    def most_s(self) -> float:
        """Seconds after which the check ends: at the end of the search, but after one run."""
        return min(LONGEST_S, max(self.left_s(), 2 * self.run_s))


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """What calls have done that ran at the same time."""

    tally: Tally
    wrong: int = 0  # runs that returned something else than alone
    difference: str = ""  # "'b' instead of 'a'"
    error: str = ""  # of a run that failed
    left: int = 0  # tasks that the workers still hold: not ended, or to be retried

    @property
    def suspicious(self) -> bool:
        """Whether it must be compared with processes."""
        return self.wrong > 0 or self.tally.failed > 1


def why_unsafe(shared: Together, apart: Together | None, alone: Tally) -> str:
    """Say what goes wrong in one process and not in several; empty if nothing does.

    `apart` is None if it could not be measured.
    """
    elsewhere = alone if apart is None else alone + apart.tally
    if shared.wrong and not (apart and apart.wrong):
        return (
            f"{shared.wrong} of {shared.tally.runs} runs returned a different result than alone: "
            f"{shared.difference}"
        )
    if fails_more(shared.tally, elsewhere):
        error = f" ({shared.error})" if shared.error else ""
        apart_too = "" if apart is None else " or in separate processes"
        return (
            f"{shared.tally.failed} of {shared.tally.runs} runs failed{error}, but "
            f"{elsewhere.failed or 'none'} of {elsewhere.runs} alone{apart_too}"
        )
    return ""


def run_together(
    session: Session, group: Group, sender: CallSender, check: SafetyCheck
) -> Together:
    """Run calls at the same time, and compare what they return with single runs.

    A run that asks for a retry counts as one that failed.
    """
    numbers = sorted(check.results) or list(range(min(len(check.calls), 5)))
    count = how_many(group.spec.slots, check.run_s)
    run = f"{session.run}.safety-{group.queue.rpartition('.')[2]}"
    reader = RecordReader(session.records)
    which = {
        sender.send_one(check.calls[number], run=run, queue=group.queue): number
        for number in (numbers * count)[:count]
    }
    ended = _ended(session, group, reader, which, check.most_s)
    gone = {record.task_id for record in ended if record.outcome != "retried"}
    gone.update(drain(session.connection, group.queue))
    failed = [record for record in ended if record.outcome in {"failed", "retried"}]
    wrong = [
        (found, expected)
        for record in ended
        if record.outcome == "succeeded" and which[record.task_id] in check.results
        for expected in (check.results[which[record.task_id]],)
        if (found := stored(session, record.task_id)[0]) != expected
    ]
    return Together(
        tally=Tally(runs=len(ended), failed=len(failed)),
        wrong=len(wrong),
        difference=" instead of ".join(map(_shown, wrong[0])) if wrong else "",
        error=_error(session, failed[0]) if failed else "",
        left=len(which.keys() - gone),
    )


def how_many(slots: int, run_s: float) -> int:
    """Return how many runs a check makes: fewer of a long task, but at least one in each slot."""
    in_time = int(slots * SHORT_S / max(run_s, 1e-3))
    return min(MOST, max(2, slots, min(in_time, max(FEWEST, 2 * slots))))


def _error(session: Session, record: Record) -> str:
    lines = stored(session, record.task_id)[1].strip().splitlines()
    return _cut(lines[-1]) if lines else ""


def _ended(
    session: Session, group: Group, reader: RecordReader, which: Mapping[str, int], most_s: float
) -> list[Record]:
    """Return the end of the first run of each of these tasks, if it comes soon enough."""
    ended: dict[str, Record] = {}
    deadline = time.monotonic() + most_s
    while len(ended) < len(which) and time.monotonic() < deadline and group.alive:
        for batch in reader.read(0.05):
            for record in batch.records:
                if record.task_id in which and record.ends_run:
                    ended.setdefault(record.task_id, record)
        session.cluster.check()
    return list(ended.values())


def _shown(value: Any) -> str:
    return _cut(repr(value))


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
