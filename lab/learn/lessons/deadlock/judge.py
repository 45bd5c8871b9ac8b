"""What the lesson `deadlock` concludes from its scenes; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lab.format import words
from lab.learn.lessons.deadlock.lock_run import PLACES, STRATEGIES, LockRun
from lab.learn.lessons.deadlock.observations import DeadlockObservations, SlotCheck
from lab.learn.lessons.deadlock.subtask_run import SubtaskRuns
from lab.learn.lessons.deadlock.tables import tables
from lab.results.lesson import Claim, Findings, Wait


def judge(observed: DeadlockObservations) -> Findings:
    """Conclude from all scenes."""
    return Findings(
        tables=tables(observed),
        claims=(
            *(claim for place in PLACES for claim in _lock_claims(observed, place)),
            *_subtask_claims(observed.subtasks),
            _no_lock_left(observed),
            *map(_slots_work, observed.slot_checks),
        ),
        verdict=_verdict(observed),
    )


def _lock_claims(observed: DeadlockObservations, place: str) -> Iterator[Claim]:
    opposite, ordered, backed_off, one = (
        observed.locks[place, strategy] for strategy in STRATEGIES
    )
    name = PLACES[place]
    yield _deadlocked(opposite)
    yield Claim(
        says=f"{name}, same order: no deadlock, every task gets its locks",
        holds=ordered.all_done and not ordered.deadlocks,
        seen=f"{ordered.done_of_all} got them",
    )
    yield Claim(
        says=f"{name}, back-off: every task gets its locks, but some only after a retry",
        holds=backed_off.all_done and backed_off.retries > 0,
        seen=f"{backed_off.done_of_all} got them, with {_retries(backed_off.retries)}",
    )
    yield Claim(
        says=f"{name}, one lock: every task gets it, but more of them wait",
        holds=one.all_done and one.had_to_wait > ordered.had_to_wait,
        seen=f"{one.done_of_all} got it; {one.had_to_wait} had to wait, against "
        f"{ordered.had_to_wait} with the same order",
    )


def _retries(number: int) -> str:
    return f"{number} {'retry' if number == 1 else 'retries'}"


def _deadlocked(run: LockRun) -> Claim:
    """Claim that a cycle of the whole ring was found before a task gave up, and that one did."""
    says = f"{PLACES[run.place]}, opposite order: a deadlock until one task gives up"
    if not run.deadlocks:
        return Claim(says=says, holds=False, seen="no deadlock")
    first = run.deadlocks[0]
    ahead_s = run.gave_up_s - first.from_s
    return Claim(
        says=says,
        holds=len(first.waits) == run.tasks - 1 and 0 < ahead_s < float("inf"),
        seen=f"{_as_text(first.waits)}; {_found(ahead_s)}",
    )


def _found(ahead_s: float) -> str:
    """Write when the deadlock was found, as seconds before a task gave up; infinite if none did."""
    if ahead_s == float("inf"):
        return "no task gave up"
    when = "before" if ahead_s > 0 else f"{words.duration(-ahead_s)} after"
    return f"detected {when} one gave up"


def _as_text(waits: Sequence[Wait]) -> str:
    return ", ".join(f"{wait.who} waits for {wait.what} held by {wait.holder}" for wait in waits)


def _subtask_claims(runs: SubtaskRuns) -> Iterator[Claim]:
    same = runs.same_queue
    yield Claim(
        says="a parent waits in every slot: no child starts before a parent gives up",
        holds=bool(same.deadlock) and same.gave_up == len(same.parents),
        seen=f"{same.gave_up} of {len(same.parents)} gave up; the first child started "
        f"{words.duration(abs(same.child_delay_s))} "
        f"{'after' if same.child_delay_s >= 0 else 'before'} the first parent ended",
    )
    for run, cure in (
        (runs.chain, "each parent ends, and a chain continues"),
        (runs.other_queue, "the children have a queue of their own"),
    ):
        yield Claim(
            says=f"{cure}: every result arrives",
            holds=run.results == len(run.parents),
            seen=f"{run.results_of_all} arrived; slot time spent waiting: "
            f"{words.duration(run.waiting_s)}",
        )


def _no_lock_left(observed: DeadlockObservations) -> Claim:
    left = sum(run.locks_left for run in observed.locks.values())
    return Claim(says="no lock is left in Redis", holds=left == 0, seen=f"{left} left")


def _slots_work(check: SlotCheck) -> Claim:
    return Claim(
        says=f"{check.pool} afterwards: every slot still works",
        holds=check.working == check.slots,
        seen=f"{check.working} of {check.slots} at once",
    )


def _verdict(observed: DeadlockObservations) -> str:
    here, there = (observed.locks[place, "opposite order"] for place in PLACES)
    same, chain = observed.subtasks.same_queue, observed.subtasks.chain
    opposite = (
        "were deadlocked for "
        f"{words.duration(here.deadlocked_s)} in one worker and for "
        f"{words.duration(there.deadlocked_s)} across two, until one gave up"
        if here.deadlocked_s and there.deadlocked_s
        else "were deadlocked in at most one of the two places this time"
    )
    filled = (
        f"Parent tasks filled all {same.slots} slots and waited for child tasks that needed one "
        "of those slots, a deadlock without any lock"
        if same.deadlock
        else "Parent tasks waited for child tasks on the same worker, but this time not in every "
        "slot at once"
    )
    return (
        f"Tasks that took their locks in opposite order {opposite}; with the same order, "
        f"{_cured([observed.locks[place, 'same order'] for place in PLACES])}. {filled}: "
        f"{same.results_of_all} parents got a result, against {chain.results_of_all} when each "
        "parent ended and a chain did the rest."
    )


def _cured(runs: Sequence[LockRun]) -> str:
    """Say how tasks ended that take their locks in the same order, in each of two places."""
    if all(run.all_done for run in runs):
        here, there = (words.duration(run.ran.makespan_s) for run in runs)
        return f"all of them finished: in {here} in one worker and in {there} across two"
    here, there = (run.done_of_all for run in runs)
    return f"{here} and {there} tasks got their locks"
