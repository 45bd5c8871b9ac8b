"""The answer names what a pool would take away from the app, and explains an unusual command."""

from __future__ import annotations

import pytest

from lab.advise.risks.losses import losses
from lab.project.candidates import Candidate
from lab.project.description import TaskDescription
from tests.unit.lab.project.sample import description
from worker.pools import POOLS

TASKS = {"shop.bill": TaskDescription(module="shop", options={})}


def lost(pool: str, **settings: object) -> str:
    candidate = Candidate(pool=POOLS[pool], concurrency=2)
    return "\n".join(losses(candidate, description(settings=settings, tasks=TASKS), ["shop.bill"]))


def test_a_setting_that_the_pool_ignores_is_named() -> None:
    assert "[max-tasks-ignored]" in lost("threads", worker_max_tasks_per_child=100)
    assert lost("prefork", worker_max_tasks_per_child=100) == ""


@pytest.mark.parametrize("setting", ["threads", "solo", "my.pools:Pool"])
def test_the_other_name_of_prefork_is_explained(setting: str) -> None:
    text = lost("prefork", worker_pool=setting)
    assert "worker_pool overrides --pool prefork" in text
    assert "--pool processes" in text


@pytest.mark.parametrize(
    ("pool", "setting"), [("prefork", "prefork"), ("prefork", None), ("threads", "solo")]
)
def test_a_usual_name_is_not_explained(pool: str, setting: str | None) -> None:
    assert "worker_pool" not in lost(pool, worker_pool=setting)
