"""The lesson `pools` as its user runs it: five slots serve twenty tasks, and more bring little."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.command import poolwise
from worker.pools import DEFAULT_POOLS


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run it once."""
    folder = tmp_path_factory.mktemp("pools")
    done = poolwise("learn", "pools", "--no-predict", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_everything_it_says_is_borne_out(told: dict[str, Any]) -> None:
    claims = told["findings"]["claims"]
    assert [claim["says"] for claim in claims if not claim["holds"]] == []
    for pool in DEFAULT_POOLS:
        assert any(claim["says"].startswith(f"{pool}: no more than 5") for claim in claims)
        assert any(claim["says"].startswith(f"{pool}: the throughput") for claim in claims)


def test_five_lanes_of_each_pool_ran_twenty_tasks(told: dict[str, Any]) -> None:
    assert len(told["scenes"]) == len(DEFAULT_POOLS)
    for scene in told["scenes"]:
        assert len(scene["bars"]) == 20
        assert len(scene["lanes"]) <= 5


def test_a_process_costs_more_than_a_thread_in_memory_and_at_the_start(
    told: dict[str, Any],
) -> None:
    _, sweep, room = told["findings"]["tables"]
    assert {row[0] for row in sweep["rows"]} == set(DEFAULT_POOLS)
    assert all(row[5] > 0 for row in sweep["rows"])  # throughput
    by_pool = {row[0]: row for row in room["rows"]}
    assert by_pool["prefork"][2] > 1_000_000
    assert by_pool["prefork"][2] > by_pool["threads"][2]
    assert by_pool["prefork"][4] < by_pool["threads"][4]
