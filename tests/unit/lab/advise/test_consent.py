"""Before it runs anything, advice says what will run, how often at most, and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.advise.advise_options import AdviseOptions
from lab.advise.consent import consent_lines
from lab.advise.hooks import Hooks
from lab.project.description import Description
from lab.project.first_tries import MOST_RUNS
from producer.plan import Work

FOUND = Description(
    celery="5.3.6",
    python="3.11.9",
    name="shop",
    has_gevent=True,
    missing=(),
    urls=("redis://:hunter2@broker/0",),
    scheduled=0,
    accepts=("json",),
    stores_results=False,
    settings={},
    tasks={},
)


def lines(*tasks: str, hooks: Hooks) -> list[str]:
    options = AdviseOptions(
        app="shop",
        folder=Path(),
        python=Path("python"),
        calls=tuple(Work(task=task) for task in tasks),
        mix=None,
        pools=(),
        budget_s=120.0,
        memory_bytes=None,
        slo=None,
        cost=None,
        deployed=None,
        margin=0.1,
        allowed=frozenset(),
        hooks=hooks,
        seed=1,
        command="",
    )
    return consent_lines(options, FOUND)


@pytest.mark.parametrize(
    ("tasks", "text"),
    [
        (("shop.a",), f"shop.a, for real: up to {MOST_RUNS + 1} times alone"),
        (("shop.b", "shop.a"), f"shop.a, shop.b, for real: each up to {MOST_RUNS + 1} times alone"),
    ],
)
def test_the_single_runs_are_counted_and_the_search_is_bounded(
    tasks: tuple[str, ...], text: str
) -> None:
    said = " ".join(lines(*tasks, hooks=Hooks()))
    assert text in said
    assert "a search of at most 2 min 0 s" in said
    assert "hunter2" not in said


def test_only_the_commands_that_were_given_are_named() -> None:
    assert lines("shop.a", hooks=Hooks(teardown="./drop"))[-1] == "teardown ./drop"
    assert lines("shop.a", hooks=Hooks(setup="./load"))[-1] == "setup    ./load"
    assert len(lines("shop.a", hooks=Hooks())) == 3
