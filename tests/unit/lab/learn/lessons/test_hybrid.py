"""How the lesson `hybrid` splits jobs, reckons memory, and what it concludes from its trials."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab.learn.engine.learn_options import check
from lab.learn.engine.scene_run import Note, SceneRun, TaskRun
from lab.learn.engine.trials import Trial, Trials, fastest
from lab.learn.lessons.hybrid.jobs import BOTH, COMPUTING, WAITING, Mix, split_evenly
from lab.learn.lessons.hybrid.judge import judge
from lab.learn.lessons.hybrid.layouts import Layout, Layouts, processes_that_fit
from lab.learn.lessons.hybrid.lesson import LESSON
from lab.learn.lessons.hybrid.play import MixRuns, draw
from tasks.errors import UsageError
from tasks.lessons import hybrid as hybrid_tasks

MB = 1_000_000
MIX = Mix(name=BOTH, cpu_ms=8, io_ms=32)


class FakeWorker:
    """A worker that no test starts."""

    def __init__(self, node: str) -> None:
        self.node = self.queue = node
        self.pid = None


def layout(name: str, workers: int = 1, tasks: int = 0, threads: int = 0) -> Layout:
    fakes: Any = tuple(FakeWorker(f"{name}-{n}") for n in range(workers))
    return Layout(name=name, workers=fakes, iterations_per_ms=20_000, tasks=tasks, threads=threads)


LAYOUTS = Layouts(
    cores=2,
    slots=16,
    processes=layout("prefork ×16"),
    threads=layout("threads ×16"),
    gevent=layout("gevent ×16"),
    per_core=layout("2 gevent ×8", workers=2),
    threads_inside=layout("prefork ×2 with 8 threads", tasks=2, threads=8),
    few=layout("prefork ×2"),
    fitting=2,
    pss_bytes={
        "prefork ×16": 460 * MB,
        "threads ×16": 52 * MB,
        "gevent ×16": 54 * MB,
        "2 gevent ×8": 107 * MB,
        "prefork ×2 with 8 threads": 92 * MB,
        "prefork ×2": 91 * MB,
    },
)


def trials(makespan_s: float, busy: float = 0.5, wanted: float | None = 0.5) -> Trials:
    """Return three identical trials."""
    runnable_s = None if wanted is None else wanted * makespan_s
    one = Trial(makespan_s=makespan_s, cpu_s=busy * makespan_s, runnable_s=runnable_s)
    return Trials(trials=(one,) * 3)


def usual() -> MixRuns:
    """Return what to expect on two otherwise idle cores."""
    waiting = {one.name: trials(0.16) for one in LAYOUTS.every} | {"prefork ×2": trials(0.9)}
    computing = {one.name: trials(0.2, busy=1.9, wanted=1.95) for one in LAYOUTS.every}
    computing |= {name: trials(0.36, busy=1.02) for name in ("threads ×16", "gevent ×16")}
    return MixRuns(
        layouts=LAYOUTS,
        mixes={WAITING: MIX, BOTH: MIX, COMPUTING: MIX},
        trials={WAITING: waiting, BOTH: waiting, COMPUTING: computing},
    )


def failing(runs: MixRuns) -> list[str]:
    return [claim.says for claim in judge(runs, jobs=16).claims if not claim.holds]


@pytest.mark.parametrize(("jobs", "parts"), [(16, 2), (7, 3), (2, 4), (0, 2)])
def test_jobs_are_split_evenly_and_each_is_in_one_part(jobs: int, parts: int) -> None:
    split = split_evenly(jobs, parts)
    assert [number for part in split for number in part] == list(range(jobs))
    assert len({len(part) for part in split}) <= 2
    assert all(split)


def test_jobs_are_split_over_the_workers_of_a_layout() -> None:
    calls = LAYOUTS.per_core.calls(16, MIX)
    assert [call.worker.node for call in calls] == ["2 gevent ×8-0"] * 8 + ["2 gevent ×8-1"] * 8
    assert {call.work.task for call in calls} == {hybrid_tasks.work.name}


def test_with_threads_inside_there_is_a_task_for_each_core() -> None:
    calls = LAYOUTS.threads_inside.calls(16, MIX)
    assert [call.work.args[:2] for call in calls] == [(8, 8), (8, 8)]
    assert {call.work.task for call in calls} == {hybrid_tasks.several.name}


@pytest.mark.parametrize(("budget", "fit"), [(107, 2), (119, 3), (900, 15), (50, 1), (1, 1)])
def test_the_processes_that_fit_follow_from_two_measured_sizes(budget: float, fit: int) -> None:
    assert processes_that_fit(budget, (2, 92), (16, 460)) == fit


def test_only_layouts_that_fit_into_the_budget_are_compared_at_equal_memory() -> None:
    assert LAYOUTS.processes not in LAYOUTS.same_memory
    assert {LAYOUTS.few, LAYOUTS.per_core, LAYOUTS.threads_inside} <= set(LAYOUTS.same_memory)


def test_threads_inside_a_task_have_lanes_of_their_own() -> None:
    notes = tuple(
        Note(doing="computes", what=thread, started_s=0, finished_s=1)
        for thread in ("thread 0", "thread 1", "thread 0")
    )
    task = TaskRun(
        task_id="a", label="jobs 1–3", node="both@here", slot="4711", received_s=0, started_s=0,
        finished_s=1, value=3, notes=notes,
    )  # fmt: skip
    scene = draw(LAYOUTS.threads_inside, SceneRun(title="", tasks=(task,)), "")
    assert [lane.slot for lane in scene.lanes] == ["4711 thread 0", "4711 thread 1"]
    assert [bar.lane for bar in scene.bars] == [0, 1, 0]


def test_all_claims_hold_for_the_usual_figures() -> None:
    assert failing(usual()) == []
    assert len(judge(usual(), jobs=16).claims) == 6


@pytest.mark.parametrize(
    ("mix", "name", "unexpected", "says"),
    [
        (WAITING, "prefork ×2", trials(0.2), "takes at least"),
        (COMPUTING, "gevent ×16", trials(0.2, busy=1.8), "no more than one core"),
        (COMPUTING, "2 gevent ×8", trials(0.4, wanted=1.0), "more than one core at once"),
    ],
)
def test_an_unexpected_figure_fails_its_claim(
    mix: str, name: str, unexpected: Trials, says: str
) -> None:
    runs = usual()
    changed = {**runs.trials, mix: {**runs.trials[mix], name: unexpected}}
    assert any(says in claim for claim in failing(replace(runs, trials=changed)))


def test_pools_cannot_be_chosen() -> None:
    with pytest.raises(UsageError, match="leave out --pools"):
        check(LESSON, ("threads",))


def test_nothing_is_claimed_about_two_cores_on_a_machine_with_one() -> None:
    one_core = replace(usual(), layouts=replace(LAYOUTS, cores=1))
    claims = judge(one_core, jobs=16).claims
    assert not any("more than one core at once" in claim.says for claim in claims)


def test_the_first_table_names_the_fastest_layouts_of_each_mix() -> None:
    winners, *mixes = judge(usual(), jobs=16).tables
    assert [len(table.rows) for table in mixes] == [len(LAYOUTS.every)] * 3
    assert [row[1:] for row in winners.rows] == [
        ("no difference", "threads ×16, gevent ×16, 2 gevent ×8, prefork ×2 with 8 threads"),
        ("no difference", "threads ×16, gevent ×16, 2 gevent ×8, prefork ×2 with 8 threads"),
        (
            "prefork ×16, 2 gevent ×8, prefork ×2 with 8 threads",
            "2 gevent ×8, prefork ×2 with 8 threads, prefork ×2",
        ),
    ]


def test_the_fastest_is_named_with_those_within_noise() -> None:
    measured = {"slow": trials(2.0), "fast": trials(1.0), "as fast": trials(1.01)}
    assert fastest(measured) == ("fast", "as fast")
