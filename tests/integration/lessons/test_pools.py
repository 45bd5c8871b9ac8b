"""The lesson `pools` as its user runs it: five slots serve twenty tasks, and more bring little."""

from __future__ import annotations

import pytest

from lab.results.lesson import LessonResult
from tests.integration.lessons.taught import take
from worker.pools import DEFAULT_POOLS


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> LessonResult:
    """Run it once; everything that it says has to be so."""
    return take("pools", folder=tmp_path_factory.mktemp("pools"))


def test_what_has_to_be_shown_is_among_what_it_says(told: LessonResult) -> None:
    claims = told.findings.claims
    for pool in DEFAULT_POOLS:
        assert any(claim.says.startswith(f"{pool}: no more than 5") for claim in claims)
        assert any(claim.says.startswith(f"{pool}: the throughput") for claim in claims)


def test_five_lanes_of_each_pool_ran_twenty_tasks(told: LessonResult) -> None:
    assert len(told.scenes) == len(DEFAULT_POOLS)
    for scene in told.scenes:
        assert len(scene.bars) == 20
        assert len(scene.lanes) <= 5


def test_a_process_costs_more_than_a_thread_and_fewer_would_fit(told: LessonResult) -> None:
    _, sweep, room = told.findings.tables
    assert {row[0] for row in sweep.rows} == set(DEFAULT_POOLS)
    throughputs = [float(row[5] or 0) for row in sweep.rows]
    assert min(throughputs) > 0
    each = {row[0]: float(row[2] or 0) for row in room.rows}
    fit = {row[0]: float(row[4] or 0) for row in room.rows}
    assert each["prefork"] > max(1_000_000, each["threads"])
    assert fit["prefork"] < fit["threads"]
