"""The claims follow from what the tasks noted, even if other programs used the cores."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.learn.engine.scene_run import Note, SceneRun, TaskRun
from lab.learn.engine.terminal import failed
from lab.learn.lessons.parallelism.judge import NO_PINNING, judge
from lab.learn.lessons.parallelism.scenes import close_look, overview
from lab.learn.lessons.parallelism.timing import (
    BURN,
    DIGEST,
    KINDS,
    SLEEP,
    Timing,
    Timings,
    timing,
)
from tasks.lessons.notebook import Doing
from tasks.lessons.parallelism import CORE, GIL, compute, wait

POOLS = ("prefork", "threads", "gevent")
#: When each of four tasks with 1 s of CPU computes if they take turns.
IN_TURNS = tuple((n, n + 1.0) for n in range(4))


def task(n: int, notes: list[tuple[Doing, str, float, float]], cpu_s: float = 1.0) -> TaskRun:
    """Make a task that started at 100 s by its own clock, 10 ms after the scene's start."""
    return TaskRun(
        task_id=str(n),
        label=f"burn {n}",
        node="w@here",
        slot=str(n),
        received_s=0.0,
        started_s=0.01,
        finished_s=9.0,
        value=[100.0, cpu_s],
        notes=tuple(
            Note(doing=doing, what=what, started_s=began + 0.01, finished_s=ended + 0.01)
            for doing, what, began, ended in notes
        ),
    )


def four(what: str, turns: tuple[tuple[float, float], ...] = IN_TURNS) -> SceneRun:
    """Make four tasks that each wait for `what` until their turn to compute."""
    return SceneRun(
        title="t",
        tasks=tuple(
            task(n, [("blocked", what, 0.0, began), ("computes", "burn", began, ended)])
            for n, (began, ended) in enumerate(turns)
        ),
    )


def four_timed(
    kind: str, cores: int, pool: str, *, what: str, side_by_side: bool = False
) -> Timing:
    """Time four tasks of 1 s on one pool."""
    turns = tuple((n // 2, n // 2 + 1.0) for n in range(4)) if side_by_side else IN_TURNS
    return timing(four(what, turns), kind, cores, pool, wait_s=1.0)


def two_idle_cores(digest_waits_for: str = CORE) -> Timings:
    """Return what two idle cores show if threads that digest wait for a core, or for the GIL."""
    timings = []
    for cores in (1, 2):
        for pool in POOLS:
            free = pool == "prefork"
            burn = four_timed(
                BURN, cores, pool, what=CORE if free else GIL, side_by_side=free and cores > 1
            )
            no_gil = pool != "gevent"
            what = digest_waits_for if no_gil else GIL
            digest = four_timed(DIGEST, cores, pool, what=what, side_by_side=no_gil and cores > 1)
            tasks = [task(n, [("waits", "sleep", 0.0, 1.0)], cpu_s=0.0) for n in range(4)]
            sleep = timing(SceneRun(title="t", tasks=tuple(tasks)), SLEEP, cores, pool, wait_s=1.0)
            timings += [burn, digest, sleep]
    return Timings(all=timings, memory_bytes={"prefork": 150, "threads": 50, "gevent": 60})


def failed_claims(timings: Timings) -> list[str]:
    return failed(judge(timings))


def test_tasks_that_wait_for_a_core_count_as_runnable_and_those_that_wait_for_the_gil_do_not() -> (
    None
):
    assert four_timed(BURN, 1, "prefork", what=CORE).runnable == pytest.approx(2.5)
    assert four_timed(BURN, 2, "threads", what=GIL).runnable == 1
    assert four_timed(BURN, 2, "threads", what=GIL).in_t == 4


def test_core_time_taken_by_other_programs_differs_from_cores_shared_by_the_four() -> None:
    shared = four_timed(BURN, 1, "prefork", what=CORE)
    assert shared.taken_by_others == pytest.approx(0)
    assert four_timed(BURN, 2, "prefork", what=CORE).taken_by_others == pytest.approx(0.5)


def test_every_claim_holds_on_two_idle_cores() -> None:
    found = judge(two_idle_cores())
    assert failed(found) == []
    assert found.remarks == ()
    assert "prefork 2.0 T, threads 4.0 T, gevent 4.0 T on 2 cores" in found.verdict
    assert "prefork 2.0 T, threads 2.0 T, gevent 4.0 T" in found.verdict


def test_a_system_that_cannot_pin_processes_gets_a_remark() -> None:
    assert judge(replace(two_idle_cores(), pinned=False)).remarks == (NO_PINNING,)


def test_a_digest_that_keeps_the_gil_fails_a_claim() -> None:
    found = failed_claims(two_idle_cores(GIL))
    assert any("digest on threads: several tasks run" in line for line in found)


def test_every_kind_has_a_row_on_one_core_and_on_all() -> None:
    [times, _, _] = judge(two_idle_cores()).tables
    assert [row[:2] for row in times.rows] == [
        (kind, cores) for kind in KINDS for cores in ("one core", "2 cores")
    ]


def test_a_machine_with_one_core_has_no_claims_about_several() -> None:
    waiting = {one.pool: one for one in two_idle_cores().of(SLEEP, 1)}
    alone = [
        four_timed(kind, 1, pool, what=CORE) if kind != SLEEP else waiting[pool]
        for kind in KINDS
        for pool in POOLS
    ]
    found = judge(Timings(all=alone, memory_bytes={}))
    assert "Four tasks that compute share the only core, whatever the pool" in found.verdict
    claims = found.claims
    assert [claim.says for claim in claims if not claim.holds] == []
    assert not any("cores" in claim.says for claim in claims)


def test_an_overview_has_a_lane_and_a_bar_for_each_task() -> None:
    drawn = overview([four_timed(BURN, 1, "prefork", what=CORE)], "c")
    assert [bar.lane for bar in drawn.bars] == [0, 1, 2, 3]
    assert next(bar.what for bar in drawn.bars) == "100 % of a core"
    assert drawn.end_s == pytest.approx(4)


def test_a_close_look_shows_only_its_length() -> None:
    drawn = close_look(four_timed(BURN, 1, "prefork", what=CORE), 0.06, "c")
    assert all(0 <= bar.started_s < bar.finished_s <= 0.06 for bar in drawn.bars)


def test_tasks_note_what_they_did_and_for_how_long() -> None:
    computed = compute("burn", 20, 20_000)
    _, cpu_s = computed["value"]
    noted = [note for note in computed["notes"] if note[0] == "computes"]
    assert sum(ended - began for _, _, began, ended in noted) == pytest.approx(cpu_s, rel=0.3)
    [(doing, _, began, ended)] = wait(0.01)["notes"]
    assert doing == "waits"
    assert ended - began >= 0.01
