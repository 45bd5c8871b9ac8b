"""Tasks that fail, are retried, or are delivered twice: pure rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from producer.observation.finding import Finding
from producer.observation.seen import Attempt, Seen
from producer.quantities import duration

#: Attempts that must have ended badly: how many, and which share of all.
MANY, SHARE = 5, 0.1
#: Outcomes that a healthy task does not have; "ignored" and "revoked" are what somebody wanted.
_BAD: Final = frozenset({"failed", "time-limit", "rejected", "slot-lost"})
#: Celery's default, in seconds.
VISIBILITY_TIMEOUT_S: Final = 3_600.0


def outcome_findings(seen: Seen) -> Iterator[Finding]:
    """Yield what the outcomes show, the most useful first."""
    by_task: dict[str, list[Attempt]] = defaultdict(list)
    for worker in seen.workers:
        for attempt in worker.attempts:
            by_task[attempt.task].append(attempt)
    rules = (_ran_twice, _failing, _retried, _redelivered)
    for rule in rules:
        found = [one for task, attempts in by_task.items() if (one := rule(task, attempts, seen))]
        yield from (one.finding for one in sorted(found, key=lambda one: -one.weight)[:1])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Weighed:
    weight: float
    finding: Finding


def _ran_twice(task: str, attempts: Sequence[Attempt], seen: Seen) -> _Weighed | None:
    """A message that is redelivered while its task still runs, runs twice at the same time."""
    again = [(first, second) for first, second in _pairs(attempts) if _together(first, second)]
    if not again:
        return None
    longest_s = max(first.finished_s - (first.started_s or 0.0) for first, _ in again)
    limit_s = min(
        (one.visibility_timeout_s for one in seen.workers if one.visibility_timeout_s),
        default=VISIBILITY_TIMEOUT_S,
    )
    times = "once" if len(again) == 1 else f"{len(again)} times"
    return _Weighed(
        weight=len(again),
        finding=Finding(
            name="ran-twice",
            worker="",
            text=f"messages of {task} were redelivered while the task was still running",
            evidence=f"{times}, the same task id ran twice at the same time, for up to "
            f"{duration(longest_s)}; the visibility timeout of kombu's own transport is "
            f"{duration(limit_s)}",
            fix="with kombu's own transport, set visibility_timeout in broker_transport_options to "
            "more than the longest run time and wait of your tasks",
        ),
    )


def _pairs(attempts: Sequence[Attempt]) -> Iterator[tuple[Attempt, Attempt]]:
    """Yield attempts at the same task that follow each other."""
    by_id: dict[str, list[Attempt]] = defaultdict(list)
    for one in attempts:
        if one.started_s is not None:
            by_id[one.task_id].append(one)
    for same in by_id.values():
        same.sort(key=lambda one: one.started_s or 0.0)
        yield from pairwise(same)


def _together(first: Attempt, second: Attempt) -> bool:
    return bool(second.redelivered) and (second.started_s or 0.0) < first.finished_s - 0.5


def _failing(task: str, attempts: Sequence[Attempt], _seen: Seen) -> _Weighed | None:
    failed = [one for one in attempts if one.outcome in _BAD]
    if len(failed) < MANY or len(failed) < SHARE * len(attempts):
        return None
    kinds = ", ".join(sorted({one.outcome for one in failed}))
    return _Weighed(
        weight=len(failed),
        finding=Finding(
            name="failures",
            worker="",
            text=f"{task} often fails",
            evidence=f"{len(failed):,} of {len(attempts):,} attempts ended with: {kinds}",
            fix="read the log of its workers: it has the traceback or the reason of each",
        ),
    )


def _retried(task: str, attempts: Sequence[Attempt], _seen: Seen) -> _Weighed | None:
    retried = sum(one.outcome == "retried" for one in attempts)
    if retried < MANY or retried < SHARE * len(attempts):
        return None
    return _Weighed(
        weight=retried,
        finding=Finding(
            name="retries",
            worker="",
            text=f"{task} is retried often",
            evidence=f"{retried:,} of {len(attempts):,} attempts ended with a retry",
            fix="set retry_backoff on the task, so that retries do not add to the load, and find "
            "out what fails",
        ),
    )


def _redelivered(task: str, attempts: Sequence[Attempt], _seen: Seen) -> _Weighed | None:
    again = sum(bool(one.redelivered) for one in attempts)
    if again < MANY or again < SHARE * len(attempts):
        return None
    return _Weighed(
        weight=again,
        finding=Finding(
            name="redeliveries",
            worker="",
            text=f"messages of {task} are often redelivered",
            evidence=f"{again:,} of {len(attempts):,} attempts ran a message that a worker "
            "had already received",
            fix="look for workers that were killed or restarted; with kombu's own transport, set "
            "visibility_timeout in broker_transport_options to more than the longest wait of a "
            "message in a worker",
        ),
    )
