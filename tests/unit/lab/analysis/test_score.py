"""Figures come from complete repeats; the ideal from cores, slots and the bare cost."""

from __future__ import annotations

import pytest

from lab.analysis.score import ideal_makespan_s, summarise, total
from lab.measure.calibrate import Bare, Basis
from tests.unit.lab.sample import account, repeat


@pytest.mark.parametrize(
    ("count", "slots", "cores", "wall_s", "cpu_s", "ideal_s"),
    [
        (40, 2, 2, 0.1, 0.1, 2.0),  # computing on every core
        (40, 100, 2, 0.1, 0.1, 2.0),  # more slots than cores change nothing
        (40, 1, 2, 0.1, 0.1, 4.0),  # one slot uses one core
        (200, 100, 2, 1.0, 0.0, 2.0),  # two waves of waiting
        (201, 100, 2, 1.0, 0.0, 3.0),  # a third wave for one task
        (400, 100, 2, 0.2, 0.005, 1.0),  # mixed: here the cores are scarcer
    ],
)
def test_the_ideal_follows_from_the_scarcer_of_cores_and_slots(
    count: int, slots: int, cores: int, wall_s: float, cpu_s: float, ideal_s: float
) -> None:
    ideal = ideal_makespan_s(
        count=count, slots=slots, cores=cores, bare=Bare(wall_s=wall_s, cpu_s=cpu_s)
    )
    assert ideal == pytest.approx(ideal_s)


@pytest.mark.parametrize(
    ("slots", "wall_s", "cpu_s", "basis", "ideal_s"),
    [
        (2, 0.1, 0.102, "worker", 5.0),  # a core for each slot
        (100, 0.1, 0.001, "worker", 0.1),  # the slots are scarcer, whatever Celery costs
        (100, 0.1, 0.01, "worker", None),  # the cores may be, or not
        (2, 0.1, 0.102, "sample", None),  # other calls may take longer
    ],
)
def test_without_the_bare_cost_the_ideal_is_given_only_if_it_is_certain(
    slots: int, wall_s: float, cpu_s: float, basis: Basis, ideal_s: float | None
) -> None:
    bare = Bare(wall_s=wall_s, cpu_s=cpu_s, basis=basis)
    ideal = ideal_makespan_s(count=100, slots=slots, cores=2, bare=bare)
    assert ideal == (None if ideal_s is None else pytest.approx(ideal_s))
    summary = summarise([repeat(10.0)], ideal)
    assert summary is not None
    assert (summary.of_ideal is None) == (ideal is None)


def test_a_broken_repeat_is_in_the_account_but_not_in_the_figures() -> None:
    broken = repeat(0.5, ends=account(lost=4), died="killed by SIGKILL")
    summary = summarise([repeat(2.0), broken, repeat(2.2)], ideal_s=1.0)
    assert summary is not None
    assert summary.makespan_s.low == 2.0
    assert summary.account.submitted == 30
    assert summary.account.lost == 4


def test_without_a_complete_repeat_there_are_no_figures() -> None:
    assert summarise([repeat(ends=account(timed_out=1))], ideal_s=1.0) is None


def test_cpu_is_per_finished_task() -> None:
    summary = summarise([repeat(cpu_s=1.0), repeat(cpu_s=3.0)], ideal_s=1.0)
    assert summary is not None
    assert summary.cpu_s_per_task == pytest.approx(4.0 / 20)


def test_a_total_sums_accounts() -> None:
    sum_of_both = total([account(lost=1), account(failed=2, duplicated=3)])
    ends = (sum_of_both.finished, sum_of_both.failed, sum_of_both.lost)
    assert sum_of_both.submitted == sum(ends) == 20
    assert sum_of_both.duplicated == 3
