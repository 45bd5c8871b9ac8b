"""The lesson `parallelism` run for real: its claims hold on this machine's cores."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cluster.affinity import can_pin
from cluster.local import LocalCluster
from lab.learn.engine.atonce import mean_at_once
from lab.learn.lessons.parallelism.judge import IN_TURNS
from lab.learn.lessons.parallelism.play import PIECE_MS
from lab.learn.lessons.parallelism.timing import BURN, KINDS, TASKS
from lab.measure.calibrate import calibrate
from lab.results.lesson import LessonResult
from tasks.lessons.parallelism import CORE, compute
from tests.lessons.taught import held, take
from worker.pools import DEFAULT_POOLS


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> LessonResult:
    """Run it once; every claim must hold."""
    return take("parallelism", folder=tmp_path_factory.mktemp("parallelism"))


def test_the_claims_cover_waiting_and_computing(result: LessonResult) -> None:
    claims = result.findings.claims
    assert any("four tasks that wait take T" in claim.says for claim in claims)
    if result.host.cores > 1:
        texts = [claim.says for claim in claims]
        assert any("digest on threads: several tasks run" in line for line in texts)
        assert any("burn on threads runs one task at a time" in line for line in texts)
        assert any("digest on gevent runs one task at a time" in line for line in texts)


def test_the_table_has_each_kind_on_one_core_and_on_all(result: LessonResult) -> None:
    times = result.findings.tables[0]
    headings = [column.heading for column in times.columns]
    assert headings == ["four tasks", "on", *DEFAULT_POOLS, "what they do"]
    core_counts = 2 if can_pin() and result.host.cores > 1 else 1
    assert [row[0] for row in times.rows] == [kind for kind in KINDS for _ in range(core_counts)]
    assert all(str(cell).endswith(" T") for row in times.rows for cell in row[2:-1])


def test_each_scene_has_the_four_tasks_of_every_pool_on_one_axis(result: LessonResult) -> None:
    scenes = {scene.title: scene for scene in result.scenes}
    for title in (f"{kind} on one core" for kind in KINDS if can_pin()):
        assert len(scenes[title].bars) == 12
        assert len(scenes[title].lanes) == 12
    # While one thread computes, the others wait for the GIL.
    for title, scene in scenes.items():
        if title.startswith("burn on threads"):
            assert any(bar.what == "waits for the GIL" for bar in scene.bars)


def test_the_process_that_ran_the_lesson_may_still_use_every_core(result: LessonResult) -> None:
    if can_pin():
        assert result.host.cores <= len(os.sched_getaffinity(0))


def test_a_running_cluster_is_not_used_and_keeps_nothing(tmp_path: Path) -> None:
    with LocalCluster(tmp_path) as cluster:
        before = held(cluster.redis)
        there = ("--on-running", "--broker", cluster.broker_url)
        fewer = ("--pools", "threads", "--work-ms", "50")
        short = take("parallelism", *fewer, *there, folder=tmp_path)
        assert held(cluster.redis) == before
    assert short.workers == ()
    assert " learn parallelism --work-ms 50 --pools threads --no-predict --broker " in short.command
    assert {lane.node for scene in short.scenes for lane in scene.lanes} == {"threads-4@poolwise"}


def test_on_a_busy_machine_threads_still_take_turns() -> None:
    notes: list[tuple[str, str, float, float]] = []
    amount = round(calibrate().burn_iterations_per_ms * PIECE_MS[BURN])

    def burn_in_pieces() -> None:
        done = compute.run(BURN, round(50 / PIECE_MS[BURN]), amount)
        late_s = done["value"][0] - began_s
        notes.extend(
            (doing, what, at + late_s, to + late_s) for doing, what, at, to in done["notes"]
        )

    with busy_cores():
        began_s = time.monotonic()
        threads = [threading.Thread(target=burn_in_pieces) for _ in range(TASKS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    could = [(at, to) for doing, what, at, to in notes if doing == "computes" or what == CORE]
    assert mean_at_once(could) <= IN_TURNS


@contextmanager
def busy_cores() -> Iterator[None]:
    """Let two programs for each core compute all the time."""
    words = (sys.executable, "-c", "import time\nwhile time.process_time() < 60: pass")
    others = [subprocess.Popen(words) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()
