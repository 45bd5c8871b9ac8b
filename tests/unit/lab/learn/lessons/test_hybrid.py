"""The lesson `hybrid`: how works are dealt, what fits into memory, and what is claimed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab.learn.engine.options import check
from lab.learn.engine.scene_run import Note, SceneRun, TaskRun
from lab.learn.engine.trials import Trial, Trials, fastest
from lab.learn.lessons.hybrid.judge import (
    BOTH,
    COMPUTING,
    WAITING,
    Outcome,
    claims,
    concluded,
    named,
)
from lab.learn.lessons.hybrid.lesson import LESSON
from lab.learn.lessons.hybrid.play import (
    SEVERAL,
    WORK,
    Cast,
    Member,
    Mix,
    dealt,
    processes_that_fit,
)
from lab.learn.lessons.hybrid.play import scene as drawn
from tasks.errors import UsageError

MB = 1_000_000
MIX = Mix(name=BOTH, cpu_ms=8, io_ms=32)


class Somebody:
    """A worker that is only spoken of."""

    def __init__(self, node: str) -> None:
        self.node = self.queue = node
        self.pid = None


def member(name: str, workers: int = 1, threads: int = 0) -> Member:
    """Return a member whose workers nobody starts."""
    them: Any = tuple(Somebody(f"{name}-{n}") for n in range(workers))
    return Member(name=name, workers=them, threads=threads)


CAST = Cast(
    cores=2,
    slots=16,
    iterations_per_ms=20_000,
    processes=member("prefork ×16"),
    threads=member("threads ×16"),
    gevent=member("gevent ×16"),
    per_core=member("2 gevent ×8", workers=2),
    threads_inside=member("prefork ×2 of 8 threads", threads=8),
    few=member("prefork ×2"),
    fitting=2,
    pss_bytes={
        "prefork ×16": 460 * MB,
        "threads ×16": 52 * MB,
        "gevent ×16": 54 * MB,
        "2 gevent ×8": 107 * MB,
        "prefork ×2 of 8 threads": 92 * MB,
        "prefork ×2": 91 * MB,
    },
)


def tried(makespan_s: float, busy: float = 0.5, wanted: float | None = 0.5) -> Trials:
    """Return three trials that went the same."""
    runnable_s = None if wanted is None else wanted * makespan_s
    one = Trial(makespan_s=makespan_s, cpu_s=busy * makespan_s, runnable_s=runnable_s)
    return Trials(trials=(one,) * 3)


def outcome() -> Outcome:
    """Return what is to be expected on two cores that nobody else uses."""
    waiting = {one.name: tried(0.16) for one in CAST.members} | {"prefork ×2": tried(0.9)}
    computing = {one.name: tried(0.2, busy=1.9, wanted=1.95) for one in CAST.members}
    computing |= {name: tried(0.36, busy=1.02) for name in ("threads ×16", "gevent ×16")}
    return Outcome(
        cast=CAST,
        mixes={WAITING: MIX, BOTH: MIX, COMPUTING: MIX},
        tried={WAITING: waiting, BOTH: waiting, COMPUTING: computing},
    )


def broken(changed: Outcome) -> list[str]:
    """Return what is claimed and not so."""
    return [claim.says for claim in claims(changed) if not claim.holds]


@pytest.mark.parametrize(("works", "hands"), [(16, 2), (7, 3), (2, 4), (0, 2)])
def test_works_are_dealt_out_evenly_and_none_twice(works: int, hands: int) -> None:
    piles = dealt(works, hands)
    assert [number for pile in piles for number in pile] == list(range(works))
    assert len({len(pile) for pile in piles}) <= 2
    assert all(piles)


def test_works_are_split_over_the_workers_of_a_member() -> None:
    calls = CAST.per_core.calls(16, MIX, CAST)
    assert [call.worker.node for call in calls] == ["2 gevent ×8-0"] * 8 + ["2 gevent ×8-1"] * 8
    assert {call.work.task for call in calls} == {WORK}


def test_with_threads_inside_there_is_a_task_for_each_core() -> None:
    calls = CAST.threads_inside.calls(16, MIX, CAST)
    assert [call.work.args[:2] for call in calls] == [(8, 8), (8, 8)]
    assert {call.work.task for call in calls} == {SEVERAL}


@pytest.mark.parametrize(("budget", "fit"), [(107, 2), (119, 3), (900, 15), (50, 1), (1, 1)])
def test_the_processes_that_fit_are_reckoned_from_two_sizes(budget: float, fit: int) -> None:
    assert processes_that_fit(budget, (2, 92), (16, 460)) == fit


def test_equal_memory_is_for_those_that_fit() -> None:
    assert CAST.processes not in CAST.same_memory
    assert {CAST.few, CAST.per_core, CAST.threads_inside} <= set(CAST.same_memory)


def test_threads_inside_a_task_have_lanes_of_their_own() -> None:
    notes = tuple(
        Note(doing="computes", what=thread, started_s=0, finished_s=1)
        for thread in ("thread 0", "thread 1", "thread 0")
    )
    task = TaskRun(
        task_id="a", label="works 1–3", node="both@here", slot="4711", received_s=0, started_s=0,
        finished_s=1, value=3, notes=notes,
    )  # fmt: skip
    scene = drawn(CAST.threads_inside, SceneRun(title="", tasks=(task,)), "")
    assert [lane.slot for lane in scene.lanes] == ["4711 thread 0", "4711 thread 1"]
    assert [bar.lane for bar in scene.bars] == [0, 1, 0]


def test_all_that_is_claimed_is_so_where_theory_is() -> None:
    assert broken(outcome()) == []
    assert len(list(claims(outcome()))) == 6


@pytest.mark.parametrize(
    ("mix", "name", "instead", "says"),
    [
        (WAITING, "prefork ×2", tried(0.2), "takes at least"),
        (COMPUTING, "gevent ×16", tried(0.2, busy=1.8), "no more than one core"),
        (COMPUTING, "2 gevent ×8", tried(0.4, wanted=1.0), "more than one core at once"),
    ],
)
def test_what_was_not_seen_is_not_borne_out(
    mix: str, name: str, instead: Trials, says: str
) -> None:
    usual = outcome()
    changed = replace(usual, tried={**usual.tried, mix: {**usual.tried[mix], name: instead}})
    assert any(says in claim for claim in broken(changed))


def test_it_says_that_it_chooses_its_workers_itself() -> None:
    with pytest.raises(UsageError, match="leave --pools out"):
        check(LESSON, ("threads",))


def test_one_core_shows_nothing_of_two() -> None:
    usual = outcome()
    alone = replace(usual, cast=replace(usual.cast, cores=1))
    assert not any("more than one core at once" in claim.says for claim in claims(alone))


def test_the_tables_name_the_quickest_of_each_mix() -> None:
    winners, *figures = concluded(outcome(), works=16).tables
    assert [len(table.rows) for table in figures] == [len(CAST.members)] * 3
    assert [row[1:] for row in winners.rows] == [
        ("no difference", "all but prefork ×2"),
        ("no difference", "all but prefork ×2"),
        ("all but threads ×16, gevent ×16",) * 2,
    ]


def test_the_quickest_stands_with_those_that_noise_hides() -> None:
    apart = {"slow": tried(2.0), "quick": tried(1.0), "as quick": tried(1.01)}
    assert fastest(apart) == ("quick", "as quick")


@pytest.mark.parametrize(
    ("quick", "text"),
    [
        (("a",), "a"),
        (("a", "b"), "a, b"),
        (("a", "b", "c"), "all but d"),
        (tuple("abcd"), "no difference"),
    ],
)
def test_the_shorter_list_is_named(quick: str, text: str) -> None:
    assert named(quick, "abcd") == text
