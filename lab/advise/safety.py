"""Does the task return the same with others next to it as it does alone?"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lab.advise.first_tries import stored
from lab.project.sending import CallSender
from lab.project.workers import Group
from lab.session.session import Session
from producer.plan import Work
from producer.records import Record, RecordReader

#: Runs of a check, at least and at most.
FEWEST, MOST = 24, 96
#: A share of failures that is this much higher than alone is no accident.
MORE_FAILURES: Final = 0.2
#: Characters of a result or an error that are shown.
SHOWN: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyCheck:
    """What to compare with: the results and the failures of single runs."""

    calls: Sequence[Work]
    results: Mapping[int, Any]  # by the call's number: what it returns each time
    failed_share: float


def unsafe(session: Session, group: Group, sender: CallSender, check: SafetyCheck) -> str:
    """Run calls at the same time; say what differs from single runs, or return an empty text."""
    numbers = sorted(check.results) or list(range(min(len(check.calls), 5)))
    count = min(MOST, max(FEWEST, 2 * group.spec.slots))
    run = f"{session.run}.safety-{group.queue.rpartition('.')[2]}"
    reader = RecordReader(session.records)
    which = {
        sender.send_one(check.calls[number], run=run, queue=group.queue): number
        for number in (numbers * count)[:count]
    }
    ended = _ended(session, group, reader, which)
    wrong = [
        (found, check.results[which[record.task_id]])
        for record in ended
        if record.outcome == "succeeded"
        and which[record.task_id] in check.results
        and (found := stored(session, record.task_id)[0]) != check.results[which[record.task_id]]
    ]
    if wrong:
        found, alone = map(_shown, wrong[0])
        return (
            f"{len(wrong)} of {len(ended)} runs returned another result than alone: {found} "
            f"instead of {alone}"
        )
    return _failures(session, ended, check.failed_share)


def _failures(session: Session, ended: Sequence[Record], alone_share: float) -> str:
    failed = [record for record in ended if record.outcome == "failed"]
    if len(failed) < 2 or len(failed) / len(ended) <= 2 * alone_share + (
        MORE_FAILURES if alone_share else 0.0
    ):
        return ""
    lines = stored(session, failed[0].task_id)[1].strip().splitlines()
    error = f": {_shown(lines[-1], quote=False)}" if lines else ""
    alone = (
        "does not fail alone" if not alone_share else f"fails {alone_share:.0%} of the time alone"
    )
    return f"{len(failed)} of {len(ended)} runs failed, and the task {alone}{error}"


def _ended(
    session: Session, group: Group, reader: RecordReader, which: Mapping[str, int]
) -> list[Record]:
    """Return the ends of these tasks, as far as they come soon enough."""
    ended: dict[str, Record] = {}
    deadline = time.monotonic() + 30
    while len(ended) < len(which) and time.monotonic() < deadline and group.alive:
        for batch in reader.read(0.05):
            for record in batch.records:
                if record.task_id in which and record.is_end:
                    ended[record.task_id] = record
        session.cluster.check()
    return list(ended.values())


def _shown(value: Any, *, quote: bool = True) -> str:
    text = repr(value) if quote else str(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
