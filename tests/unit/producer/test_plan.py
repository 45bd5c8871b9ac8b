"""A plan states when each task is due."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from producer.plan import Work, burst, due_by, due_s, steady

WORK = Work(task="cpu.burn", args=(1,))


def test_all_tasks_of_a_burst_are_due_at_the_start() -> None:
    plan = burst(WORK, 3)
    assert len(plan) == 3
    assert plan.due_s == (0.0, 0.0, 0.0)


def test_a_steady_plan_starts_at_once_and_keeps_its_rate() -> None:
    assert steady(WORK, 4.0, 5).due_s == (0.0, 0.25, 0.5, 0.75, 1.0)


def test_rounding_errors_do_not_add_up() -> None:
    assert due_s(864_000_000, 10_000) == pytest.approx(86_400, abs=1e-9)


@given(some.floats(0.01, 1_000), some.floats(0, 100_000))
def test_due_by_counts_exactly_the_tasks_that_are_due(rate_per_s: float, elapsed_s: float) -> None:
    count = due_by(elapsed_s, rate_per_s)
    assert due_s(count - 1, rate_per_s) <= elapsed_s + 1e-6
    assert due_s(count, rate_per_s) >= elapsed_s - 1e-6


def test_nothing_is_due_before_the_start() -> None:
    assert due_by(-0.1, 10.0) == 0
    assert due_by(0.0, 10.0) == 1
