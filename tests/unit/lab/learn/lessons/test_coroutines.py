"""What the lesson `coroutines` concludes from tasks that blocked a worker, and from fixed ones."""

from __future__ import annotations

from dataclasses import replace

from lab.learn.engine.scene_run import TaskRun
from lab.learn.lessons.coroutines.heartbeats import Heartbeats
from lab.learn.lessons.coroutines.judge import judge
from lab.learn.lessons.coroutines.neighbours import (
    COMPUTES,
    IN_C,
    IN_PROCESS,
    IN_THREAD,
    PATIENT,
    WATCH,
    YIELDS,
    NeighbourRun,
    named_stalls,
)
from lab.learn.lessons.coroutines.pings import Ping
from lab.learn.lessons.coroutines.play import GreenletRuns
from lab.learn.lessons.coroutines.two_waits import GREENLETS, IN_TURN, TASKS, WaitTimes
from lab.results.lesson import Findings
from tests.unit.lab.learn.lessons.made import ran, task
from tests.unit.lab.learn.lessons.test_stalls import ticking

WAITS = WaitTimes(
    alone_s={"long": 1.5, "short": 0.9}, both_s={IN_TURN: 2.4, GREENLETS: 1.51, TASKS: 1.53}
)
#: What the watch hands in: start, end, task, line, samples of that task, all samples.
WATCHED = [[0.99, 1.8, f"id of {COMPUTES}", "a.py:1 f", 70, 71]]
WATCHED += [[2.19, 3.0, f"id of {IN_C}", "a.py:9 g", 70, 70]]


def blocked_run(watched: list[list[object]] | None = None) -> NeighbourRun:
    turns = ticking((0, 1_000), (1_800, 2_200), (3_000, 4_000))
    tasks = [task(f"ticker {n}", 0.0, 4.0, turns) for n in (1, 2)]
    handed_in = WATCHED if watched is None else watched
    tasks += [task(PATIENT, 0.01, 4.0), task(WATCH, 0.0, 4.0, handed_in)]
    tasks += [task(COMPUTES, 1.0, 1.8, 900), task(IN_C, 2.2, 3.0)]
    return made(tasks, Ping(sent_s=0.98, answered_s=1.81))


def fixed_run() -> NeighbourRun:
    tasks = [task(f"ticker {n}", 0.0, 4.0, ticking((0, 4_000))) for n in (1, 2)]
    tasks += [task(PATIENT, 0.0, 4.0), task(WATCH, 0.0, 4.0, [])]
    return made(
        [*tasks, task(YIELDS, 1.0, 1.9), task(IN_THREAD, 2.2, 3.0), task(IN_PROCESS, 2.2, 3.1)]
    )


def made(tasks: list[TaskRun], *pings: Ping) -> NeighbourRun:
    return NeighbourRun(ran=ran(*tasks), pings=pings, began_at=100.0)


def runs(**changes: object) -> GreenletRuns:
    usual = GreenletRuns(
        waits=WAITS,
        blocked=blocked_run(),
        fixed=fixed_run(),
        beats=Heartbeats("gevent@here", [97.4, 99.4, 101.85], 2.0),
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def failing(findings: Findings) -> list[str]:
    return [claim.says for claim in findings.claims if not claim.holds]


def test_all_claims_hold_if_two_tasks_blocked_and_both_were_found() -> None:
    findings = judge(runs())
    assert failing(findings) == []
    assert findings.remarks == ()
    assert any("heartbeat" in claim.says for claim in findings.claims)
    assert "blocked them for 800 ms. The lesson found both lines: a.py:1 f and a.py:9 g." in (
        findings.verdict
    )


def test_waits_that_do_not_overlap_fail_their_claim() -> None:
    slow = replace(WAITS, both_s={**WAITS.both_s, GREENLETS: 2.4})
    assert failing(judge(runs(waits=slow))) == [
        f"as {GREENLETS}, they take as long as the longer one"
    ]


def test_a_watch_that_finds_another_task_fails_two_claims() -> None:
    wrong = blocked_run([[0.99, 1.8, f"id of {PATIENT}", "a.py:1 f", 70, 71], WATCHED[1]])
    broken = failing(judge(runs(blocked=wrong)))
    assert len(broken) == 2
    assert any("watcher inside" in line for line in broken)
    assert any("not blamed" in line for line in broken)


def test_no_task_is_named_if_none_blocked() -> None:
    tasks = [
        replace(one, value=ticking((0, 4_000))) if one.label.startswith("ticker") else one
        for one in blocked_run().ran.tasks
    ]
    smooth = made(tasks)
    assert named_stalls(smooth) == []
    findings = judge(runs(blocked=smooth))
    assert "The lesson found neither line." in findings.verdict
    broken = failing(findings)
    assert sum("blocks every ticker" in line for line in broken) == 2
    assert any("point to these two" in line for line in broken)
    assert any("not blamed" in line for line in broken)


def test_a_task_is_blamed_as_often_as_it_was_named() -> None:
    both = [[*stall[:2], f"id of {PATIENT}", *stall[3:]] for stall in WATCHED]
    [claim] = [
        claim
        for claim in judge(runs(blocked=blocked_run(both))).claims
        if "not blamed" in claim.says
    ]
    assert (claim.holds, claim.seen) == (False, "blamed 2 times")


def test_a_watch_must_see_both_tasks() -> None:
    turns = ticking((0, 2_200), (3_000, 4_000))
    tasks = [
        replace(one, value=turns) if one.label.startswith("ticker") else one
        for one in blocked_run([WATCHED[1]]).ran.tasks
    ]
    assert any("watcher inside" in line for line in failing(judge(runs(blocked=made(tasks)))))


def test_a_fix_that_does_not_help_fails_its_claim() -> None:
    blocked = blocked_run()
    tasks = [
        replace(one, label=YIELDS) if one.label == COMPUTES else one for one in blocked.ran.tasks
    ]
    broken = failing(judge(runs(fixed=replace(blocked, ran=ran(*tasks)))))
    assert broken == [f"“{YIELDS}” lets the tickers run"]


def test_nothing_is_claimed_about_heartbeats_if_none_arrived() -> None:
    findings = judge(runs(beats=Heartbeats("gevent@here")))
    assert failing(findings) == []
    assert not any("heartbeat" in claim.says for claim in findings.claims)
    assert "No heartbeat" in findings.remarks[0]
