"""A group counts the messages that its workers fetch, so that none is taken for one that waits."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from lab.project.description import CELERY_PREFETCH, Description
from lab.project.workers import MOST_FETCHED, Group, GroupSpec, ProjectWorkers
from tests.unit.lab.advise.test_consent import FOUND
from worker.pools import POOLS


def started(pool: str, described: Description, workers: int = 1) -> Group:
    worker = SimpleNamespace(
        child=SimpleNamespace(pid=7), spec=SimpleNamespace(node="w@here"), start_up_s=1.0
    )
    session: Any = SimpleNamespace(
        queues=SimpleNamespace(new=lambda: "queue"),
        cluster=SimpleNamespace(
            broker_url="redis://", start_workers=lambda specs: [worker for _ in specs]
        ),
    )
    project: Any = SimpleNamespace(
        app="shop",
        folder=None,
        launcher=("celery",),
        transport="stock",
        description=described,
        environment=lambda _url: {},
    )
    spec = GroupSpec(pool=POOLS[pool], concurrency=8, workers=workers)
    return ProjectWorkers(session, project).start(spec)


@pytest.mark.parametrize(
    ("pool", "setting", "fetched"),
    [
        ("prefork", 4, 4),
        ("threads", 4, 4),
        ("prefork", 1, 1),
        ("prefork", None, CELERY_PREFETCH),
        ("prefork", "many", CELERY_PREFETCH),
        ("prefork", 0, 1),  # no limit: no more than it needs
        ("prefork", 1_000, MOST_FETCHED),
        ("gevent", 4, 2),  # its flags say so
    ],
)
def test_what_workers_hold_follows_from_the_multiplier_of_the_project(
    pool: str, setting: object, fetched: int
) -> None:
    described = replace(FOUND, settings={"worker_prefetch_multiplier": setting})
    assert started(pool, described).held == 8 * (1 + fetched)
    assert started(pool, described, workers=2).held == 16 * (1 + fetched)
