"""Each task of a mix is tried alone, without the retries of the one before it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from lab.advise.mix import inquiry as module
from lab.advise.mix.inquiry import MixInquiry
from lab.advise.search.budget import Budget
from lab.advise.task_mix import Mix
from lab.project.first_tries import FirstTries
from producer.plan import Work
from tests.unit.lab.advise.test_search import COMPUTES, ROOM

NAMES = ("shop.a", "shop.b", "shop.c")
MIX = Mix(calls=tuple(Work(task=name) for name in NAMES), weights=(1, 1, 1))


class Workers:
    """Starts groups that are numbers."""

    def __init__(self) -> None:
        self.running: list[int] = []
        self.number = 0

    def start(self, _spec: object) -> int:
        self.number += 1
        self.running.append(self.number)
        return self.number

    def stop(self, group: int) -> None:
        self.running.remove(group)


@pytest.mark.parametrize(
    ("retries", "groups"), [((0, 0, 0), [1, 1, 1]), ((0, 2, 0), [1, 1, 2]), ((1, 0, 1), [1, 2, 2])]
)
def test_a_task_gets_another_worker_if_retries_wait_in_the_last_one(
    retries: tuple[int, ...], groups: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[int] = []

    def try_alone(_session: object, group: int, *_: object) -> FirstTries:
        used.append(group)
        return FirstTries(profile=COMPUTES, results={}, retries=retries[len(used) - 1])

    monkeypatch.setattr(module, "try_alone", try_alone)
    monkeypatch.setattr(module, "Grounds", lambda *_: SimpleNamespace(sender=None))
    nothing, workers = lambda *_: None, Workers()
    setting: Any = SimpleNamespace(
        options=SimpleNamespace(seed=1),
        session=SimpleNamespace(run="run"),
        workers=workers,
        events=SimpleNamespace(trying=nothing, tried=nothing, profiled=nothing),
        goal=None,
        room=ROOM,
    )
    MixInquiry(setting, MIX, Budget(60.0))
    assert used == groups
    assert workers.running == []
