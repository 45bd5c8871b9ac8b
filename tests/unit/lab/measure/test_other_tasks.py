"""Tasks of other clients count for the part of the repeat in which they took a slot."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.measure.follow import Step
from lab.measure.other_tasks import OtherTasks
from producer.records import Record
from tests.unit.lab.measure.sample import batch, ended


def test_only_other_runs_on_the_same_worker_count_and_only_inside_the_repeat() -> None:
    others = OtherTasks("w@h", "ours")
    here = [
        ran("ours", 10.0, 14.0),
        ran("theirs", 9.0, 11.0),  # one second of it is inside
        ran(None, 12.0, 13.0),
        ran("theirs", None, 13.0),  # never took a slot
    ]
    batches = (batch(*here), replace(batch(ran("theirs", 10.0, 14.0)), node="x@h"))
    others.enter(Step(batches=batches, ended=(), dead=None))
    assert others.count == 3
    assert others.slot_share(10.0, 14.0, slots=2) == pytest.approx(2 / 8)
    assert others.slot_share(10.0, 10.0, slots=2) == 0.0


def ran(run: str | None, started: float | None, finished: float) -> Record:
    return replace(ended("t"), run=run, started=started, finished=finished)
