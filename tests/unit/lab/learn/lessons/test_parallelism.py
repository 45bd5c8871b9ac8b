"""What the lesson says follows from what the tasks noted, whoever else used the cores."""

from __future__ import annotations

import pytest

from lab.learn.engine.scene_run import Note, SceneRun, TaskRun
from lab.learn.engine.terminal import failed
from lab.learn.lessons.parallelism.judge import Figures
from lab.learn.lessons.parallelism.play import (
    BURN,
    DIGEST,
    KINDS,
    SLEEP,
    Timed,
    close_look,
    scene,
    timed,
)
from lab.results.lesson import Findings
from tasks.lessons.notebook import Doing
from tasks.lessons.parallelism import CORE, GIL, compute, wait

POOLS = ("prefork", "threads", "gevent")
#: What four tasks of 1 s of CPU look like: by core or by GIL one after the other, or two by two.
IN_TURNS = tuple((n, n + 1.0) for n in range(4))


def task(n: int, notes: list[tuple[Doing, str, float, float]], cpu_s: float = 1.0) -> TaskRun:
    """Make a task that began at 100 s by its own clock, and 10 ms after the scene's start."""
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
    """Let each of four wait for `what` until its turn of computing comes."""
    return SceneRun(
        title="t",
        tasks=tuple(
            task(n, [("blocked", what, 0.0, began), ("computes", "burn", began, ended)])
            for n, (began, ended) in enumerate(turns)
        ),
    )


def made(kind: str, cores: int, pool: str, *, what: str, side_by_side: bool = False) -> Timed:
    """Make four tasks of 1 s on one pool."""
    turns = tuple((n // 2, n // 2 + 1.0) for n in range(4)) if side_by_side else IN_TURNS
    return timed(four(what, turns), kind, cores, pool, wait_s=1.0)


def figures(**wrong: str) -> Figures:
    """Make what two idle cores would show; `wrong` names what threads waited for instead."""
    timings = []
    for cores in (1, 2):
        for pool in POOLS:
            free = pool == "prefork"
            burn = made(
                BURN, cores, pool, what=CORE if free else GIL, side_by_side=free and cores > 1
            )
            no_gil = pool != "gevent"
            what = wrong.get("digest", CORE) if no_gil else GIL
            digest = made(DIGEST, cores, pool, what=what, side_by_side=no_gil and cores > 1)
            tasks = [task(n, [("waits", "sleep", 0.0, 1.0)], cpu_s=0.0) for n in range(4)]
            sleep = timed(SceneRun(title="t", tasks=tuple(tasks)), SLEEP, cores, pool, wait_s=1.0)
            timings += [burn, digest, sleep]
    return Figures(timings, {"prefork": 150, "threads": 50, "gevent": 60})


def not_so(found: Figures) -> list[str]:
    return failed(Findings(tables=(), claims=tuple(found.claims()), verdict=""))


def test_those_who_lack_only_a_core_count_and_those_who_lack_the_gil_do_not() -> None:
    assert made(BURN, 1, "prefork", what=CORE).ready == pytest.approx(2.5)
    assert made(BURN, 2, "threads", what=GIL).ready == 1
    assert made(BURN, 2, "threads", what=GIL).in_t == 4


def test_a_core_that_others_had_is_told_from_one_that_was_shared() -> None:
    shared = made(BURN, 1, "prefork", what=CORE)
    assert shared.others_took == pytest.approx(0)
    assert made(BURN, 2, "prefork", what=CORE).others_took == pytest.approx(0.5)


def test_what_two_idle_cores_show_is_what_the_lesson_says() -> None:
    found = figures()
    assert not_so(found) == []
    assert list(found.remarks()) == []
    assert "prefork 2.0 T, threads 4.0 T, gevent 4.0 T on 2 cores" in found.verdict()
    assert "prefork 2.0 T, threads 2.0 T, gevent 4.0 T" in found.verdict()


def test_a_digest_that_kept_the_gil_would_be_found_out() -> None:
    assert any("digest on threads can use several" in line for line in not_so(figures(digest=GIL)))


def test_every_kind_has_a_row_on_one_core_and_on_all() -> None:
    [times, _, _] = figures().tables()
    assert [row[:2] for row in times.rows] == [
        (kind, cores) for kind in KINDS for cores in ("one core", "2 cores")
    ]


def test_one_core_has_only_one_core_to_speak_of() -> None:
    alone = [
        made(kind, 1, pool, what=CORE) if kind != SLEEP else figures()._by[SLEEP, 1, pool]
        for kind in KINDS
        for pool in POOLS
    ]
    said = list(Figures(alone, {}).claims())
    assert [claim.says for claim in said if not claim.holds] == []
    assert not any("cores" in claim.says for claim in said)


def test_a_scene_has_a_lane_and_a_bar_for_each_task_of_each_pool() -> None:
    drawn = scene([made(BURN, 1, "prefork", what=CORE)], "c")
    assert [bar.lane for bar in drawn.bars] == [0, 1, 2, 3]
    assert next(bar.what for bar in drawn.bars) == "100 % of a core"
    assert drawn.end_s == pytest.approx(4)


def test_a_close_look_shows_no_more_than_its_length() -> None:
    drawn = close_look(made(BURN, 1, "prefork", what=CORE), 0.06, "c")
    assert all(0 <= bar.started_s < bar.finished_s <= 0.06 for bar in drawn.bars)


def test_the_tasks_note_what_they_did_and_for_how_long() -> None:
    computed = compute("burn", 20, 20_000)
    _, cpu_s = computed["value"]
    noted = [note for note in computed["notes"] if note[0] == "computes"]
    assert sum(ended - began for _, _, began, ended in noted) == pytest.approx(cpu_s, rel=0.3)
    [(doing, _, began, ended)] = wait(0.01)["notes"]
    assert doing == "waits"
    assert ended - began >= 0.01
