"""The loop that follows records ends when the tasks do, the time is up, or a worker has died."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from lab.learn.engine.pending import PendingTasks
from lab.measure import follow as module
from lab.measure.follow import Step, follow
from producer.ledger import Ledger
from producer.records import Batch, Record, RecordReader
from tests.unit.lab.measure.sample import batch, ended


class Reader(RecordReader):
    """Yields prepared batches, one each time it is read, and then nothing."""

    def __init__(self, *batches: Batch) -> None:
        self._left = iter(batches)

    def read(self, timeout_s: float) -> list[Batch]:  # noqa: ARG002
        return [one for one in [next(self._left, None)] if one is not None]


@dataclass
class FakeWorker:
    """A worker that is alive the first few times that somebody asks."""

    lives: int = 1_000_000
    node: str = "w@h"
    queue: str = "q"
    pid: int | None = None
    same_machine: bool = True
    start_up_s: float | None = None
    asked: list[bool] = field(default_factory=list)

    @property
    def alive(self) -> bool:
        self.asked.append(len(self.asked) < self.lives)
        return self.asked[-1]

    def how_it_ended(self) -> str:
        return "killed"


def ledger(*ids: str) -> Ledger:
    made = Ledger("run")
    made.submit(ids)
    return made


def steps(
    reader: Reader, tally: module.Tally, *workers: FakeWorker, timeout_s: float = 5
) -> list[Step]:
    return list(follow(reader, tally, workers, timeout_s))


def test_it_ends_with_the_last_task() -> None:
    tally = ledger("a", "b")
    taken = steps(Reader(batch(ended("a")), batch(ended("b")), batch(ended("c"))), tally)
    assert [[one.task_id for one in step.ended] for step in taken] == [["a"], ["b"]]
    assert tally.open == 0


def test_it_yields_the_records_of_other_runs_too() -> None:
    [step] = steps(Reader(batch(ended("x", run="other"), ended("a"))), ledger("a"))
    assert [one.task_id for one in step.records] == ["x", "a"]
    assert [one.task_id for one in step.ended] == ["a"]


def test_nothing_is_read_if_no_task_is_open() -> None:
    assert steps(Reader(batch(ended("a"))), ledger()) == []


def test_it_ends_when_the_time_is_up() -> None:
    tally = ledger("a")
    assert all(not step.ended for step in steps(Reader(), tally, timeout_s=0.01))
    assert tally.open == 1


def test_it_reads_on_for_a_while_after_a_worker_died(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LAST_RECORDS_S", 0.05)
    worker, tally = FakeWorker(lives=0), ledger("a", "b", "c")
    taken = steps(Reader(batch(ended("a")), batch(ended("b"))), tally, worker, timeout_s=60)
    assert taken[0].dead is worker
    assert [one.task_id for step in taken for one in step.ended] == ["a", "b"]
    assert tally.open == 1


def test_a_worker_that_dies_after_the_last_task_is_not_asked() -> None:
    worker = FakeWorker(lives=0)
    [step] = steps(Reader(batch(ended("a"))), ledger("a"), worker)
    assert step.dead is None
    assert worker.asked == []


def test_pending_tasks_are_a_tally_over_all_runs() -> None:
    pending = PendingTasks()
    pending.add(["a", "b"], "q1")
    pending.add(["c"], "q2")
    pending.add(["d"], "q3")
    pending.drop_queues({"q2"})
    pending.drop(["d"])

    def records() -> Iterator[Record]:
        yield ended("a", run="one")
        yield ended("b", run="two")
        yield ended("z", run="one")

    assert [one.task_id for one in pending.enter(records())] == ["a", "b"]
    assert pending.open == 0
