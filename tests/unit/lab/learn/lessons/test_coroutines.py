"""The figures of `coroutines`: what holds when the turn was kept, and what when it was not."""

from __future__ import annotations

from dataclasses import replace

from lab.learn.engine.scene_run import TaskRun
from lab.learn.lessons.coroutines.judge import Seen, findings
from lab.learn.lessons.coroutines.plays import GREENLETS, IN_TURN, TASKS, Acted
from lab.learn.lessons.coroutines.pulse import Answer, Heartbeats
from lab.learn.lessons.coroutines.starving import (
    ASIDE,
    COMPUTES,
    ELSEWHERE,
    GIVES_WAY,
    IN_C,
    PATIENT,
    WATCH,
    Starved,
    found,
)
from lab.results.lesson import Findings
from tests.unit.lab.learn.engine.sample import scene
from tests.unit.lab.learn.lessons.made import ran, task
from tests.unit.lab.learn.lessons.test_blame import ticking

PLAYS = Acted(
    alone_s={"long": 1.5, "short": 0.9}, took_s={IN_TURN: 2.4, GREENLETS: 1.51, TASKS: 1.53}
)
#: What the watch tells: from when to when, who was found, where, how often, of how many looks.
LOOKS = [[0.99, 1.8, f"id of {COMPUTES}", "a.py:1 f", 70, 71]]
LOOKS += [[2.19, 3.0, f"id of {IN_C}", "a.py:9 g", 70, 70]]


def starved(looks: list[list[object]] | None = None) -> Starved:
    turns = ticking((0, 1_000), (1_800, 2_200), (3_000, 4_000))
    tasks = [task(f"ticker {n}", 0.0, 4.0, turns) for n in (1, 2)]
    tasks += [task(PATIENT, 0.01, 4.0), task(WATCH, 0.0, 4.0, LOOKS if looks is None else looks)]
    tasks += [task(COMPUTES, 1.0, 1.8, 900), task(IN_C, 2.2, 3.0)]
    return made(tasks, Answer(asked_s=0.98, answered_s=1.81))


def cured() -> Starved:
    tasks = [task(f"ticker {n}", 0.0, 4.0, ticking((0, 4_000))) for n in (1, 2)]
    tasks += [task(PATIENT, 0.0, 4.0), task(WATCH, 0.0, 4.0, [])]
    return made(
        [*tasks, task(GIVES_WAY, 1.0, 1.9), task(ASIDE, 2.2, 3.0), task(ELSEWHERE, 2.2, 3.1)]
    )


def made(tasks: list[TaskRun], *answers: Answer) -> Starved:
    return Starved(ran=ran(*tasks), answers=answers, began_at=100.0, scene=scene())


def seen(**more: object) -> Seen:
    ill = starved()
    whole = Seen(
        plays=PLAYS, starved=ill, cured=cured(), found=found(ill),
        beats=Heartbeats("gevent@here", [97.4, 99.4, 101.85], 2.0),
    )  # fmt: skip
    return replace(whole, **more)  # type: ignore[arg-type]


def failing(told: Findings) -> list[str]:
    return [claim.says for claim in told.claims if not claim.holds]


def test_all_holds_where_the_turn_was_kept_by_two_and_both_were_found() -> None:
    told = findings(seen())
    assert failing(told) == []
    assert told.remarks == ()
    assert any("heartbeat" in claim.says for claim in told.claims)
    assert "a.py:1 f and a.py:9 g" in told.verdict
    assert told.verdict.count(". ") == 1


def test_plays_that_do_not_wait_at_the_same_time_are_not_borne_out() -> None:
    slow = replace(PLAYS, took_s={**PLAYS.took_s, GREENLETS: 2.4})
    assert failing(findings(seen(plays=slow))) == [f"as {GREENLETS} they take the maximum"]


def test_a_watch_that_finds_another_is_not_borne_out() -> None:
    wrong = starved([[0.99, 1.8, f"id of {PATIENT}", "a.py:1 f", 70, 71], LOOKS[1]])
    broken = failing(findings(seen(starved=wrong, found=found(wrong))))
    assert len(broken) == 2
    assert any("watch inside" in line for line in broken)
    assert any("not blamed" in line for line in broken)


def test_nobody_starved_is_not_borne_out_and_nobody_is_named() -> None:
    tasks = [
        replace(one, value=ticking((0, 4_000))) if one.label.startswith("ticker") else one
        for one in starved().ran.tasks
    ]
    well = made(tasks)
    assert found(well) == []
    broken = failing(findings(seen(starved=well, found=found(well))))
    assert sum("keeps every neighbour" in line for line in broken) == 2
    assert any("name the two" in line for line in broken)


def test_a_cure_that_does_not_help_is_not_borne_out() -> None:
    ill = starved()
    tasks = [
        replace(one, label=GIVES_WAY) if one.label == COMPUTES else one for one in ill.ran.tasks
    ]
    broken = failing(findings(seen(cured=replace(ill, ran=ran(*tasks)))))
    assert broken == [f"“{GIVES_WAY}” leaves the neighbours their turns"]


def test_without_a_heartbeat_nothing_is_claimed_of_it() -> None:
    told = findings(seen(beats=Heartbeats("gevent@here")))
    assert failing(told) == []
    assert not any("heartbeat" in claim.says for claim in told.claims)
    assert "No heartbeat" in told.remarks[0]
