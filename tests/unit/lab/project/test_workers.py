"""Workers of a project run its app in its interpreter, with the pool that is to be measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.workers import WorkerSpec
from lab.project.workers import of_project
from tests.unit.lab.project.sample import project
from worker.pools import POOLS


def spec(pool: str) -> WorkerSpec:
    return WorkerSpec(
        name=f"{pool}-1", pool=pool, concurrency=2, queues=("q",), broker_url="redis://private/0"
    )


@pytest.mark.parametrize("pool", POOLS)
def test_the_setting_worker_pool_overrides_the_pool_of_no_worker(pool: str, tmp_path: Path) -> None:
    worker = of_project(project(tmp_path, settings={"worker_pool": "threads"}), spec(pool))
    words = worker.command()
    typed = words[words.index("--pool") + 1]
    assert typed == ("processes" if pool == "prefork" else pool)
    assert worker.node == f"{pool}-1@poolwise"
