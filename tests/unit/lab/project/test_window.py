"""A window counts the runs of its own trial, and does not wait for what ends much later."""

from __future__ import annotations

import math
from typing import Any, Protocol

import pytest

from lab.project import window as module
from lab.project.counting import Window
from lab.project.window import Measurement
from tasks.errors import WorkerError
from tests.unit.lab.project.fake_workers import FakeWorkers, SlowWorkers

SECONDS = 2.0


class Measure(Protocol):
    """Measures workers."""

    def __call__(
        self,
        workers: FakeWorkers,
        service_s: float = 0.1,
        left_s: float = math.inf,
        seconds: float = SECONDS,
        rate_per_s: float = 20.0,
    ) -> Window: ...


@pytest.fixture
def measure(monkeypatch: pytest.MonkeyPatch) -> Measure:
    """Return a function that measures on tasks that take so long, with so much time left."""

    def measured(
        workers: FakeWorkers,
        service_s: float = 0.1,
        left_s: float = math.inf,
        seconds: float = SECONDS,
        rate_per_s: float = 20.0,
    ) -> Window:
        fake: Any = workers
        end = workers.now + left_s
        workers.replace_in(module, monkeypatch)
        measurement = Measurement(
            workers.session, fake, fake, "run.1", lambda: max(0.0, end - workers.now)
        )
        return measurement.measure(seconds, service_s=service_s, rate_per_s=rate_per_s)

    return measured


def test_a_run_that_asks_for_a_retry_is_over_and_counts_as_failed(
    measure: Measure,
) -> None:
    workers = FakeWorkers(lambda number: "succeeded" if number % 4 else "retried")
    begin = workers.now
    window = measure(workers)
    assert window.failed == pytest.approx(len(window.run_s) / 4, abs=1)
    assert workers.now - begin == pytest.approx(SECONDS, abs=0.5)  # it waits for no retry
    assert len(workers.sent) > 100  # so the workers always have enough


@pytest.mark.parametrize("moved_s", [0.0, 5.0])
def test_a_window_says_whether_the_clock_was_set_meanwhile(
    moved_s: float, measure: Measure
) -> None:
    workers = FakeWorkers(lambda _number: "succeeded")
    workers.moved_s = moved_s
    assert measure(workers).clock_moved_s == moved_s


def test_a_retry_of_an_earlier_trial_does_not_count(
    measure: Measure,
) -> None:
    def with_retries(_number: int) -> str:
        workers.again("earlier", "run.0")
        return "succeeded"

    workers = FakeWorkers(with_retries)
    assert len(measure(workers).run_s) <= len(workers.sent)


@pytest.mark.parametrize(
    ("fate", "withdrawn", "left"),
    [
        ("succeeded", (), 0),
        ("retried", (), 1),
        ("retried", ("3",), 0),  # it was still in the queue
        (None, (), 1),
        (None, ("3",), 0),
    ],
)
def test_what_the_workers_still_hold_is_counted(
    fate: str | None,
    withdrawn: tuple[str, ...],
    left: int,
    measure: Measure,
) -> None:
    workers = FakeWorkers(lambda number: fate if number == 3 else "succeeded")
    workers.drained.extend(withdrawn)
    assert measure(workers).left == left


def test_a_retry_that_has_run_meanwhile_is_not_left(
    measure: Measure,
) -> None:
    def fate(number: int) -> str:
        if number == 20:
            workers.again("3", "run.1")
        return "retried" if number == 3 else "succeeded"

    workers = FakeWorkers(fate)
    assert measure(workers).left == 0


@pytest.mark.parametrize("held", [4, 10])
def test_workers_get_time_to_end_all_that_they_have_fetched(held: int, measure: Measure) -> None:
    workers = FakeWorkers(lambda number: None if number == 3 else "succeeded")
    workers.held = held
    begin = workers.now
    measure(workers, service_s=60.0)
    assert workers.now - begin > SECONDS + 60.0 * held / workers.slots


@pytest.mark.parametrize("left_s", [0.0, 1.5, 30.0])
def test_a_trial_keeps_to_the_time_that_is_left_but_for_one_task(
    left_s: float, measure: Measure
) -> None:
    workers = FakeWorkers(lambda number: None if number == 3 else "succeeded")
    workers.run_s = 5.0
    begin = workers.now
    window = measure(workers, service_s=60.0, left_s=left_s)
    assert window.seconds == pytest.approx(max(1.0, min(SECONDS, left_s)), abs=0.1)
    assert window.left == 1
    assert workers.now - begin <= max(left_s, 1.0) + workers.run_s + 1.2


def test_if_no_task_ends_in_the_time_that_is_left_the_reason_is_the_budget(
    measure: Measure,
) -> None:
    workers = FakeWorkers(lambda _number: None)
    with pytest.raises(WorkerError, match=r"within 8 s: try more time \(--budget\)"):
        measure(workers, service_s=2.0, left_s=8.0)
    with pytest.raises(WorkerError, match="within 16 s: try calls that take less time"):
        measure(workers, service_s=2.0)


@pytest.mark.parametrize("held", [4, 10, 66])
@pytest.mark.parametrize("run_s", [0.05, 3.0, 10.0])
def test_workers_are_always_busy_but_fetch_no_more_long_tasks_than_they_can_run(
    run_s: float, held: int, measure: Measure
) -> None:
    workers = SlowWorkers(run_s, slots=2, held=held)
    begin, seconds = workers.now, max(1.0, 3 * run_s)
    window = measure(workers, service_s=run_s, seconds=seconds, rate_per_s=2 / run_s)
    assert window.busy == pytest.approx(1.0, abs=0.03)
    assert window.rate_per_s == pytest.approx(2 / run_s, rel=0.05)
    assert window.left == 0
    after_s = workers.now - begin - seconds - run_s
    assert after_s <= max(2 * run_s, held * run_s / 2 if run_s < 1 else 0.0) + 1.1
