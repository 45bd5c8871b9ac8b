"""The lesson `parallelism` as its user runs it: what it says is so on this machine's cores."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from cluster.affinity import can_hold
from lab.lessons.parallelism_timed import KINDS
from tests.command import poolwise
from worker.pools import DEFAULT_POOLS


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run it once."""
    folder = tmp_path_factory.mktemp("parallelism")
    done = poolwise("learn", "parallelism", "--no-predict", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_everything_it_says_is_borne_out(told: dict[str, Any]) -> None:
    claims = told["findings"]["claims"]
    assert [claim["says"] for claim in claims if not claim["holds"]] == []
    assert any("four that wait take T" in claim["says"] for claim in claims)
    if told["host"]["cores"] > 1:
        said = [claim["says"] for claim in claims]
        assert any("digest on threads can use several" in line for line in said)
        assert any("burn on threads uses one at a time" in line for line in said)
        assert any("digest on gevent uses one at a time" in line for line in said)


def test_the_table_has_each_kind_on_one_core_and_on_all(told: dict[str, Any]) -> None:
    times = told["findings"]["tables"][0]
    headings = [column["heading"] for column in times["columns"]]
    assert headings == ["four tasks", "on", *DEFAULT_POOLS, "that"]
    places = 2 if can_hold() and told["host"]["cores"] > 1 else 1
    assert [row[0] for row in times["rows"]] == [kind for kind in KINDS for _ in range(places)]
    assert all(cell.endswith(" T") for row in times["rows"] for cell in row[2:-1])


def test_each_scene_has_the_four_tasks_of_every_pool_on_one_axis(told: dict[str, Any]) -> None:
    scenes = {scene["title"]: scene for scene in told["scenes"]}
    for title in (f"{kind} on one core" for kind in KINDS if can_hold()):
        assert len(scenes[title]["bars"]) == 12
        assert len(scenes[title]["lanes"]) == 12
    # What one waits for while another computes: the GIL among threads, a core among processes.
    [close] = [scene for title, scene in scenes.items() if "threads" in title] or [None]
    if close is not None:
        assert any(bar["what"] == "the GIL" for bar in close["bars"])


def test_the_shell_that_ran_it_may_still_use_every_core(told: dict[str, Any]) -> None:
    if can_hold():
        assert told["host"]["cores"] <= len(os.sched_getaffinity(0))


def test_fewer_pools_and_another_length_can_be_asked_for(tmp_path: Path) -> None:
    options = ("--pools", "threads", "--work-ms", "50", "--no-predict")
    done = poolwise("learn", "parallelism", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "prefork-4" not in done.stdout
    assert "again: poolwise learn parallelism --work-ms 50 --pools threads" in done.stdout
