"""The lesson `deadlock` reports a cure that does not work and a worker that is left stuck."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.learn.engine.scene_run import Note, SceneRun, TaskRun
from lab.learn.lessons.deadlock.judge import judge
from lab.learn.lessons.deadlock.lock_run import PLACES, STRATEGIES, LockRun, LockStrategy
from lab.learn.lessons.deadlock.observations import DeadlockObservations, SlotCheck
from lab.learn.lessons.deadlock.subtask_run import (
    CHAIN,
    OTHER_QUEUE,
    SAME_QUEUE,
    SubtaskRun,
    SubtaskRuns,
)
from lab.learn.lessons.deadlock.wait_graph import Deadlock
from lab.results.lesson import Wait
from tests.unit.lab.learn.lessons.made import ran, task

DEADLOCK = Deadlock(
    waits=(
        Wait(who="task 1", what="b", holder="task 2"),
        Wait(who="task 2", what="a", holder="task 1"),
    ),
    from_s=0.2,
    to_s=1.2,
)


def tasks(done: int, waiting: int, retries: int = 0) -> SceneRun:
    """Return three tasks, of which `done` get their locks and `waiting` wait 0.4 s for them."""
    blocked = Note(doing="blocked", what="wants a", started_s=0.0, finished_s=0.4)
    return ran(
        *(
            task(
                f"task {n}",
                0.0,
                1.2,
                {"done": n < done, "retries": retries},
                notes=(blocked,) if n < waiting else (),
            )
            for n in range(3)
        )
    )


RUNS: dict[LockStrategy, SceneRun] = {
    "opposite order": tasks(done=2, waiting=2),
    "same order": tasks(done=3, waiting=1),
    "back-off": tasks(done=3, waiting=1, retries=1),
    "one lock": tasks(done=3, waiting=2),
}


def lock_run(place: str, strategy: LockStrategy) -> LockRun:
    return LockRun(
        place=place,
        strategy=strategy,
        ran=RUNS[strategy],
        deadlocks=(DEADLOCK,) if strategy == "opposite order" else (),
        undisturbed_s=0.3,
    )


def parents(value: bool) -> list[TaskRun]:
    return [task(f"parent {n}", 0.0, 1.0, value) for n in (1, 2)]


def subtask_run(method: str, *others: TaskRun, value: bool = True) -> SubtaskRun:
    return SubtaskRun(method=method, slots=2, ran=ran(*parents(value), *others))


def child(started_s: float) -> TaskRun:
    return task("child 1", started_s, started_s + 0.3, True)


OBSERVED = DeadlockObservations(
    locks={(place, one): lock_run(place, one) for place in PLACES for one in STRATEGIES},
    subtasks=SubtaskRuns(
        same_queue=subtask_run(SAME_QUEUE, child(1.01), value=False),
        chain=subtask_run(CHAIN, child(0.1), *(task(f"rest {n}", 1, 2, True) for n in (1, 2))),
        other_queue=subtask_run(OTHER_QUEUE, child(0.1)),
    ),
    slot_checks=(SlotCheck(pool="threads", slots=8, working=8),),
)


def failed_claims(observed: DeadlockObservations) -> list[str]:
    return [claim.says for claim in judge(observed).claims if not claim.holds]


def with_lock_run(run: LockRun) -> DeadlockObservations:
    return replace(OBSERVED, locks={**OBSERVED.locks, (run.place, run.strategy): run})


def test_every_claim_holds_for_the_expected_observations() -> None:
    found = judge(OBSERVED)
    assert failed_claims(OBSERVED) == []
    assert [len(table.rows) for table in found.tables] == [8, 3]
    assert "deadlocked for 1.00 s in one worker" in found.verdict
    assert (
        "with the same order, all of them finished: in 1.20 s in one worker and in 1.20 s across "
        "two."
    ) in found.verdict
    seen = {claim.says: claim.seen for claim in found.claims}
    assert seen["one worker, same order: no deadlock, every task gets its locks"] == (
        "3 of 3 got them"
    )
    assert seen["two workers, one lock: every task gets it, but more of them wait"] == (
        "3 of 3 got it; 2 had to wait, against 1 with the same order"
    )
    assert "0 of 2 parents got a result, against 2 of 2" in found.verdict


def test_the_verdict_says_only_what_happened() -> None:
    timely = subtask_run(SAME_QUEUE, child(0.1), value=True)
    free = replace(OBSERVED, subtasks=replace(OBSERVED.subtasks, same_queue=timely))
    verdict = judge(free).verdict
    assert "a deadlock without any lock" not in verdict
    assert "not in every slot at once: 2 of 2 parents got a result" in verdict
    place = next(iter(PLACES))
    stuck = replace(lock_run(place, "same order"), ran=tasks(done=2, waiting=1))
    verdict = judge(with_lock_run(stuck)).verdict
    assert "with the same order, 2 of 3 and 3 of 3 tasks got their locks" in verdict


@pytest.mark.parametrize(
    ("run", "claim"),
    [
        (
            replace(lock_run("worker", "opposite order"), deadlocks=()),
            "one worker, opposite order: a deadlock until one task gives up",
        ),
        (
            replace(lock_run("worker", "opposite order"), ran=tasks(done=3, waiting=2)),
            "one worker, opposite order: a deadlock until one task gives up",
        ),
        (
            replace(lock_run("redis", "same order"), deadlocks=(DEADLOCK,)),
            "two workers, same order: no deadlock, every task gets its locks",
        ),
        (
            replace(lock_run("redis", "back-off"), ran=tasks(done=3, waiting=1)),
            "two workers, back-off: every task gets its locks, but some only after a retry",
        ),
        (
            replace(lock_run("redis", "one lock"), ran=tasks(done=3, waiting=1)),
            "two workers, one lock: every task gets it, but more of them wait",
        ),
        (
            replace(lock_run("redis", "one lock"), locks_left=1),
            "no lock is left in Redis",
        ),
    ],
)
def test_a_claim_about_locks_fails_if_its_scene_shows_otherwise(run: LockRun, claim: str) -> None:
    assert failed_claims(with_lock_run(run)) == [claim]


def test_a_child_that_starts_while_parents_wait_fails_a_claim() -> None:
    early = subtask_run(SAME_QUEUE, child(0.5), value=False)
    assert failed_claims(
        replace(OBSERVED, subtasks=replace(OBSERVED.subtasks, same_queue=early))
    ) == ["a parent waits in every slot: no child starts before a parent gives up"]


def test_a_slot_that_does_not_work_afterwards_fails_a_claim() -> None:
    stuck = SlotCheck(pool="threads", slots=8, working=7)
    assert failed_claims(replace(OBSERVED, slot_checks=(stuck,))) == [
        "threads afterwards: every slot still works"
    ]
