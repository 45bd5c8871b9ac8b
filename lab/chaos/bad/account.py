"""Accounts for the bad messages of a trial, and for what they did to others; pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from lab.chaos.bad.sent import BadInjected
from lab.chaos.judge import Evidence, account
from lab.format import words
from lab.results.chaos import BadMessages, CellAccount

#: Seconds without a start of any other task that are worth a note; usually it is 0.1 s.
LONG_WAIT_S: Final = 1.0


def bad_messages(found: Evidence) -> BadMessages | None:
    """Account for the bad messages; return None if none was sent."""
    seen = [one for one in found.faults if isinstance(one, BadInjected)]
    if not seen:
        return None
    bad = only_bad(found)
    grown = [one.grown_bytes for one in seen if one.grown_bytes is not None]
    return BadMessages(
        account=account(bad),
        deliveries=_most(bad, "started"),
        runs=_most(bad, "ended"),
        watched_s=max(one.until_s - one.at_s for one in seen),
        workers_ended=found.ended,
        longest_wait_s=longest_wait_s(found, seen),
        grown_bytes=sum(grown) if grown else None,
        callers=tuple(sorted({one.caller for one in seen} - {""})),
    )


def only_bad(found: Evidence) -> Evidence:
    """Return the evidence about the bad messages alone."""
    ids = {one.task_id for one in found.sent if one.bad}
    return replace(
        found,
        sent=[one for one in found.sent if one.bad],
        lines=[one for one in found.lines if one.task_id in ids],
    )


def longest_wait_s(found: Evidence, seen: Sequence[BadInjected]) -> float:
    """Return the longest time in which no task of the load started, from the first bad message."""
    bad = {one.task_id for one in found.sent if one.bad}
    first_s = min(one.at_s for one in seen)
    starts = sorted(
        line.at_s
        for line in found.lines
        if line.event == "started" and line.task_id not in bad and line.at_s >= first_s
    )
    return max((after - before for before, after in pairwise([first_s, *starts])), default=0.0)


def notes(bad: BadMessages, whole: CellAccount) -> list[str]:
    """Describe in plain words what the counts of the groups do not show."""
    sent = bad.account.submitted
    lines = []
    if bad.deliveries > sent or (bad.deliveries > 1 and bad.runs < 2):
        lines.append(
            f"delivered {bad.deliveries:,} times in {words.duration(bad.watched_s)}, and "
            f"{_where(bad.account)}"
        )
    if bad.runs > 1:
        lines.append(f"ran {bad.runs} times")
    lines += [f"its caller got {one}" for one in bad.callers]
    if bad.workers_ended:
        lines.append(f"ended {words.counted(bad.workers_ended, 'worker')}")
    if bad.grown_bytes is not None:
        lines.append(
            f"the workers' main processes grew by {words.size(bad.grown_bytes)}, "
            f"{words.size(bad.grown_bytes / sent)} for each message"
        )
    if bad.longest_wait_s > LONG_WAIT_S:
        lines.append(f"no other task started for {words.duration(bad.longest_wait_s)}")
    if twice := _others_twice(bad.account, whole):
        lines.append(f"{words.counted(twice, 'other task')} ran twice")
    return lines


def _most(bad: Evidence, event: str) -> int:
    counts = Counter(line.task_id for line in bad.lines if line.event == event)
    return max(counts.values(), default=0)


def _others_twice(bad: CellAccount, whole: CellAccount) -> int:
    return whole.twice_by_fault + whole.twice_otherwise - bad.twice_by_fault - bad.twice_otherwise


def _where(account: CellAccount) -> str:
    """Say where a message is that was delivered again and again."""
    if account.dead:
        return "then dead-lettered"
    if account.held:
        return "still in Redis"
    ends = (
        ("gone", account.lost),
        ("failed", account.failed),
        ("refused", account.refused),
        ("revoked", account.revoked),
    )
    return f"then {next((end for end, count in ends if count), 'finished')}"
