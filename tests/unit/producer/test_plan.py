"""A plan says when each task is due, and nothing else."""

from __future__ import annotations

from producer.plan import Work, burst


def test_a_burst_is_due_at_once() -> None:
    plan = burst(Work(task="cpu.burn", args=(1,)), 3)
    assert len(plan) == 3
    assert plan.due_s == (0.0, 0.0, 0.0)
