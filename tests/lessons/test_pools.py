"""The lesson `pools` run for real: five slots run twenty tasks, and more slots gain little."""

from __future__ import annotations

import pytest

from lab.results.lesson import LessonResult
from tests.lessons.taught import take
from worker.pools import DEFAULT_POOLS


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> LessonResult:
    """Run it once; every claim must hold."""
    return take("pools", folder=tmp_path_factory.mktemp("pools"))


def test_every_pool_has_claims_about_its_size_and_its_throughput(result: LessonResult) -> None:
    claims = result.findings.claims
    for pool in DEFAULT_POOLS:
        assert any(claim.says.startswith(f"{pool}: at most 5") for claim in claims)
        assert any(claim.says.startswith(f"{pool}: throughput") for claim in claims)


def test_each_pool_runs_twenty_tasks_in_five_lanes(result: LessonResult) -> None:
    assert len(result.scenes) == len(DEFAULT_POOLS)
    for scene in result.scenes:
        assert len(scene.bars) == 20
        assert len(scene.lanes) <= 5


def test_a_process_takes_more_memory_than_a_thread_and_fewer_fit(result: LessonResult) -> None:
    _, sweep, limits = result.findings.tables
    assert {row[0] for row in sweep.rows} == set(DEFAULT_POOLS)
    throughputs = [float(row[5] or 0) for row in sweep.rows]
    assert min(throughputs) > 0
    each = {row[0]: float(row[2] or 0) for row in limits.rows}
    fit = {row[0]: float(row[4] or 0) for row in limits.rows}
    assert each["prefork"] > max(1_000_000, each["threads"])
    assert fit["prefork"] < fit["threads"]
