"""The lesson `parallelism` as its user runs it: what it says is so on this machine's cores."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cluster.affinity import can_hold
from cluster.local import LocalCluster
from lab.learn.lessons.parallelism.play import KINDS
from lab.results.lesson import LessonResult
from tests.integration.lessons.taught import held, take
from worker.pools import DEFAULT_POOLS


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> LessonResult:
    """Run it once; everything that it says has to be so."""
    return take("parallelism", folder=tmp_path_factory.mktemp("parallelism"))


def test_what_has_to_be_shown_is_among_what_it_says(told: LessonResult) -> None:
    claims = told.findings.claims
    assert any("four that wait take T" in claim.says for claim in claims)
    if told.host.cores > 1:
        said = [claim.says for claim in claims]
        assert any("digest on threads can use several" in line for line in said)
        assert any("burn on threads uses one at a time" in line for line in said)
        assert any("digest on gevent uses one at a time" in line for line in said)


def test_the_table_has_each_kind_on_one_core_and_on_all(told: LessonResult) -> None:
    times = told.findings.tables[0]
    headings = [column.heading for column in times.columns]
    assert headings == ["four tasks", "on", *DEFAULT_POOLS, "that"]
    places = 2 if can_hold() and told.host.cores > 1 else 1
    assert [row[0] for row in times.rows] == [kind for kind in KINDS for _ in range(places)]
    assert all(str(cell).endswith(" T") for row in times.rows for cell in row[2:-1])


def test_each_scene_has_the_four_tasks_of_every_pool_on_one_axis(told: LessonResult) -> None:
    scenes = {scene.title: scene for scene in told.scenes}
    for title in (f"{kind} on one core" for kind in KINDS if can_hold()):
        assert len(scenes[title].bars) == 12
        assert len(scenes[title].lanes) == 12
    # What a thread waits for while another computes is the GIL.
    for title, scene in scenes.items():
        if title.startswith("burn on threads"):
            assert any(bar.what == "the GIL" for bar in scene.bars)


def test_the_shell_that_ran_it_may_still_use_every_core(told: LessonResult) -> None:
    if can_hold():
        assert told.host.cores <= len(os.sched_getaffinity(0))


def test_a_cluster_that_runs_is_left_alone_and_keeps_nothing(tmp_path: Path) -> None:
    with LocalCluster(tmp_path) as cluster:
        before = held(cluster.redis)
        there = ("--on-running", "--broker", cluster.broker_url)
        fewer = ("--pools", "threads", "--work-ms", "50")
        short = take("parallelism", *fewer, *there, folder=tmp_path)
        assert held(cluster.redis) == before
    assert short.workers == ()
    assert short.command.startswith("poolwise learn parallelism --work-ms 50 --pools threads")
    assert {lane.node for scene in short.scenes for lane in scene.lanes} == {"threads-4@poolwise"}
