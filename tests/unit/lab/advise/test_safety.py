"""A task that fails anywhere is not called unsafe; one that goes wrong only in threads is."""

from __future__ import annotations

import pytest

from lab.advise.risks.safety import FEWEST, MOST, Together, how_many, why_unsafe
from lab.advise.trial.failures import Tally, chance, fails_more


def tally(failed: int, runs: int) -> Tally:
    return Tally(runs=runs, failed=failed)


NOTHING = Together(tally=tally(0, 24))


@pytest.mark.parametrize(
    ("here", "there", "more"),
    [
        (tally(24, 24), tally(0, 9), True),  # each time
        (tally(12, 24), tally(0, 33), True),
        (tally(6, 24), tally(0, 9), False),  # one time in five, as it could be there too
        (tally(6, 24), tally(5, 24), False),
        (tally(80, 400), tally(82, 400), False),
        (tally(130, 400), tally(80, 400), True),
        (tally(1, 24), tally(0, 2), False),
        (tally(2, 2), tally(0, 2), False),  # too few to say
        (tally(10, 1_000), tally(0, 1_000), False),  # too little to matter
        (tally(0, 0), tally(0, 0), False),
    ],
)
def test_more_failures_are_told_from_chance(here: Tally, there: Tally, more: bool) -> None:
    assert fails_more(here, there) is more


def test_the_chance_is_that_of_fishers_test() -> None:
    # Fisher's tea: 4 of 4 cups by chance.
    assert chance(tally(4, 4), tally(0, 4)) == pytest.approx(1 / 70)
    assert chance(tally(0, 4), tally(2, 4)) == pytest.approx(1.0)


def test_a_task_that_fails_anywhere_is_not_unsafe() -> None:
    shared = Together(tally=tally(6, 24), error="ConnectionError: no answer")
    assert shared.suspicious
    assert why_unsafe(shared, Together(tally=tally(4, 24)), tally(0, 9)) == ""


def test_a_task_that_fails_only_in_threads_is_unsafe_with_its_error() -> None:
    shared = Together(tally=tally(20, 24), error="RuntimeError: mixed up")
    why = why_unsafe(shared, NOTHING, tally(0, 9))
    assert why == (
        "20 of 24 runs failed (RuntimeError: mixed up), but none of 33 alone or in separate "
        "processes"
    )


def test_another_result_is_unsafe_unless_processes_differ_as_well() -> None:
    shared = Together(tally=tally(0, 24), wrong=1, difference="'b' instead of 'a'")
    assert "'b' instead of 'a'" in why_unsafe(shared, NOTHING, tally(0, 9))
    assert why_unsafe(shared, Together(tally=tally(0, 24), wrong=3), tally(0, 9)) == ""
    assert why_unsafe(shared, None, tally(0, 9)) != ""


@pytest.mark.parametrize(
    ("slots", "run_s", "runs"),
    [(4, 0.01, FEWEST), (40, 0.01, 80), (200, 0.01, MOST), (4, 10.0, 4), (1, 60.0, 2)],
)
def test_a_check_of_a_long_task_takes_few_runs(slots: int, run_s: float, runs: int) -> None:
    assert how_many(slots, run_s) == runs
