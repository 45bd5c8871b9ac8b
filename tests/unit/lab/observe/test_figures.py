"""Figures per task and per worker, and what is unknown."""

from __future__ import annotations

import pytest

from lab.observe.figures import task_figures, worker_figures
from lab.observe.notes import notes
from tests.unit.producer.observation.made import attempt, samples, seen, worker


def test_the_figures_of_a_task_are_those_of_all_workers() -> None:
    one = attempt(2.0, 3.0, sent_s=0.5, received_s=1.0, outcome="failed")
    other = attempt(4.0, 5.5, sent_s=2.0, received_s=3.5, redelivered=True)
    again = attempt(6.0, 6.5, outcome="retried")
    [task] = task_figures(seen(worker(attempts=(one,)), worker("b@x", attempts=(other, again))))
    assert (task.task, task.ended) == ("shop.pay", 3)
    assert task.rate_per_s == pytest.approx(0.3)
    assert (task.run_p50_s, task.run_p95_s) == (1.0, 1.5)
    assert (task.queued_p50_s, task.queued_p95_s) == (0.5, 1.5)
    assert (task.held_p50_s, task.held_p95_s) == (0.5, 1.0)
    assert (task.failures, task.retries, task.redeliveries) == (1, 1, 1)


def test_a_task_with_an_eta_is_held_from_then_on() -> None:
    [task] = task_figures(seen(worker(attempts=(attempt(6.0, 7.0, sent_s=5.5, received_s=1.0),))))
    assert (task.queued_p50_s, task.held_p50_s) == (0.0, 0.5)


def test_a_task_that_was_only_inspected_has_a_rate_and_no_times() -> None:
    [task] = task_figures(seen(worker(source="inspection", started={"shop.pay": 30})))
    assert (task.ended, task.rate_per_s) == (30, 3.0)
    assert (task.run_p50_s, task.failures, task.redeliveries) == (None, None, None)


def test_events_do_not_show_redeliveries() -> None:
    [task] = task_figures(
        seen(worker(source="events", attempts=(attempt(0, 1, redelivered=None),)))
    )
    assert (task.failures, task.redeliveries) == (0, None)


def test_clocks_that_differ_give_no_negative_time() -> None:
    [task] = task_figures(seen(worker(attempts=(attempt(2.0, 3.0, sent_s=9.0),))))
    assert task.queued_p50_s == 0.0


def test_a_rate_covers_the_time_of_which_all_attempts_are_kept() -> None:
    some = (attempt(2.0, 8.0), attempt(7.0, 9.0))
    [task] = task_figures(seen(worker(attempts=some, attempts_from_s=6.0)))
    assert task.rate_per_s == 0.5
    [figures] = worker_figures(seen(worker(attempts=some, attempts_from_s=6.0)))
    assert figures.busy_slots == 1.0


@pytest.mark.parametrize(
    ("busy", "attempts", "expected"),
    [
        (2, (), 2.0),  # tasks that have not ended
        (0, (attempt(-5.0, 5.0),), 0.5),  # a worker that answers only between two tasks
        (1, (attempt(0.0, 10.0), attempt(-1.0, 10.0)), 2.0),
        (0, (attempt(0.0, 10.0), attempt(0.0, 10.0)), 1.0),  # a batch
    ],
)
def test_busy_slots_come_from_samples_or_attempts(
    busy: int, attempts: tuple[object, ...], expected: float
) -> None:
    [figures] = worker_figures(seen(worker(samples=samples(10, busy=busy), attempts=attempts)))
    assert figures.busy_slots == pytest.approx(expected)
    assert figures.busy_share == pytest.approx(expected / 2)


def test_cpu_and_memory_are_those_between_the_first_and_the_last_sample() -> None:
    read = samples(10, busy=2, cpu_s=lambda second: 3 + second, memory_bytes=lambda n: 10 + n)
    [figures] = worker_figures(seen(worker(samples=read)))
    assert figures.cores == pytest.approx(1.0)
    assert figures.cpu_share == pytest.approx(0.5)
    assert (figures.memory_bytes, figures.memory_growth_bytes) == (19, 9)


def test_an_idle_worker_has_no_cpu_share() -> None:
    [figures] = worker_figures(seen(worker(samples=samples(10, cpu_s=lambda second: second))))
    assert figures.cpu_share is None


@pytest.mark.parametrize(
    ("source", "pool", "said"),
    [
        ("probe", "threads", []),
        ("events", "prefork", ["do not show memory"]),
        ("events", "threads", ["do not show memory", "celery#10434"]),
        ("inspection", "threads", ["no probe and no task events"]),
    ],
)
def test_what_a_source_cannot_tell_is_said(source: str, pool: str, said: list[str]) -> None:
    found = notes(seen(worker(pool_name=pool, source=source, samples=samples(3))))
    assert len(found) == len(said)
    assert all(text in one for text, one in zip(said, found, strict=True))


def test_a_worker_that_never_answered_is_named() -> None:
    assert "a@x did not answer" in notes(seen(worker()))[0]
