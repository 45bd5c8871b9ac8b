"""Accounts for every task of a trial; a pure function of what was sent, noted and left over."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from lab.chaos.trial.book import Sent
from lab.chaos.trial.injected import Injected
from lab.results.chaos import CellAccount
from tasks.chaos.ledger import Line

#: Seconds by which a task may seem to start too early, because clocks are read one after another.
CLOCK_S = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a trial left behind."""

    sent: Sequence[Sent]
    lines: Sequence[Line]
    faults: Sequence[Injected]
    left: frozenset[str] = frozenset()  # ids of the messages that are still in the broker
    dead: frozenset[str] = frozenset()  # ids of the messages in the list of dead letters
    ended: int = 0  # workers that ended and had to be replaced
    stops_all: bool = False  # whether a fault stops all workers, rather than one
    #: How many seconds after each fault every worker ran a new task; None: not by itself.
    all_again_s: Sequence[float | None] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """How soon after each fault tasks ran again, in seconds; see `ChaosCell`."""

    first_s: tuple[float, ...]
    last_s: tuple[float, ...]
    never: int


def account(found: Evidence) -> CellAccount:
    """Put every submission into exactly one group, and count what ran twice."""
    by_task = _by_task(found.lines)
    known = [one for one in found.sent if one.known]
    unknown = [one for one in found.sent if not one.known]
    groups = {one.task_id: _group(one.task_id, by_task, found) for one in known}
    counts: dict[str, int] = defaultdict(int)
    for group in groups.values():
        counts[group] += 1
    sent_at_s = {one.task_id: one.at_s for one in found.sent}
    twice = [
        _twice(lines, sent_at_s.get(one, lines[0].at_s), found.faults)
        for one, lines in by_task.items()
    ]
    return CellAccount(
        submitted=len(known),
        **{name: counts[name] for name in GROUPS},
        unknown=len(unknown),
        unknown_ran=sum(bool(by_task.get(one.task_id)) for one in unknown),
        twice_by_fault=twice.count("by fault"),
        twice_otherwise=twice.count("otherwise"),
        early=sum(_early(one, by_task.get(one.task_id, ())) for one in found.sent),
    )


#: The groups of `CellAccount`, of which each confirmed submission is in one.
GROUPS = ("finished", "failed", "revoked", "dead", "refused", "held", "lost")


#: The group of a task that did not end by itself, by what was noted of it.
_ENDS = {"failed": "failed", "revoked": "revoked", "gone": "refused", "calmed": "held"}


def lost_ids(found: Evidence) -> tuple[str, ...]:
    """Return the tasks that are lost."""
    by_task = _by_task(found.lines)
    known = (one.task_id for one in found.sent if one.known)
    return tuple(one for one in known if _group(one, by_task, found) == "lost")


def recovery(found: Evidence) -> Recovery:
    """Measure how soon tasks ran again after each fault that hit."""
    return _of_all_workers(found) if found.stops_all else _of_interrupted_tasks(found)


def _of_all_workers(found: Evidence) -> Recovery:
    sent_s = {one.task_id: one.at_s for one in found.sent if one.known}
    starts = sorted(
        (line.at_s, sent_s[line.task_id])
        for line in found.lines
        if line.event == "started" and line.task_id in sent_s
    )
    first = []
    for until_s in (one.until_s for one in found.faults if one.hit):
        # What was sent before may have been fetched before.
        later = islice(starts, bisect_right(starts, (until_s, math.inf)), None)
        first += next(([at_s - until_s] for at_s, sent in later if sent > until_s), [])
    last = tuple(one for one in found.all_again_s if one is not None)
    return Recovery(first_s=tuple(first), last_s=last, never=0)


def _of_interrupted_tasks(found: Evidence) -> Recovery:
    starts: dict[str, list[float]] = defaultdict(list)
    for line in found.lines:
        if line.event == "started":
            starts[line.task_id].append(line.at_s)
    first, last, never = [], [], 0
    for fault in (one for one in found.faults if one.hit):
        again_at = [_next(starts[one], at_s) for one, at_s in fault.interrupted.items()]
        delays = sorted(at_s - fault.at_s for at_s in again_at if at_s is not None)
        never += again_at.count(None)
        first += delays[:1]
        last += delays[-1:]
    return Recovery(first_s=tuple(first), last_s=tuple(last), never=never)


def _next(starts: Sequence[float], after_s: float) -> float | None:
    return min((at_s for at_s in starts if at_s > after_s), default=None)


def _by_task(lines: Iterable[Line]) -> Mapping[str, list[Line]]:
    by_task: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        by_task[line.task_id].append(line)
    return by_task


def _group(task_id: str, by_task: Mapping[str, list[Line]], found: Evidence) -> str:
    events = {line.event for line in by_task.get(task_id, ())}
    if "ended" in events:
        return "finished"
    if task_id in found.dead:
        return "dead"
    if "failed" in events and task_id in found.left:  # its message was not acknowledged
        return "held"
    for event, group in _ENDS.items():
        if event in events:
            return group
    return "held" if task_id in found.left else "lost"


def _twice(lines: Sequence[Line], sent_s: float, faults: Sequence[Injected]) -> str:
    """Return why a task ended twice: "by fault", or "otherwise"; empty if it did not.

    A worker may have held the message at the time of the fault, and have begun later. So a fault
    counts if it was after the task was sent, and before it started for the last time.
    """
    if sum(line.event == "ended" for line in lines) < 2:
        return ""
    last_s = max(line.at_s for line in lines if line.event == "started")
    between = any(one.at_s <= last_s and sent_s <= one.until_s for one in faults)
    return "by fault" if between else "otherwise"


def _early(sent: Sent, lines: Sequence[Line]) -> bool:
    if sent.not_before_s is None:
        return False
    return any(
        line.event == "started" and line.at_s < sent.not_before_s - CLOCK_S for line in lines
    )
