"""How many workers a message may kill."""

from __future__ import annotations

import pytest

from tasks.errors import UsageError
from worker.delivery.limits import (
    ALIVE_S,
    BEAT_S,
    DEATHS_VARIABLE,
    DEFAULT_MOST_DEATHS,
    LOOKS,
    most_deaths,
    suspect_from,
)


@pytest.mark.parametrize(
    ("text", "number"), [("", DEFAULT_MOST_DEATHS), (" 3 ", 3), ("1", 1), ("1000", 1_000)]
)
def test_the_variable_sets_the_number(text: str, number: int) -> None:
    assert most_deaths({DEATHS_VARIABLE: text}) == number
    assert most_deaths({}) == DEFAULT_MOST_DEATHS


@pytest.mark.parametrize("text", ["0", "-1", "1001", "many", "1.5", "²"])
def test_another_value_is_refused_by_name(text: str) -> None:
    with pytest.raises(UsageError, match=DEATHS_VARIABLE):
        most_deaths({DEATHS_VARIABLE: text})


@pytest.mark.parametrize(("limit", "first"), [(1, 1), (2, 1), (3, 1), (5, 3)])
def test_the_last_two_attempts_are_alone(limit: int, first: int) -> None:
    assert suspect_from(limit) == first


def test_the_work_of_a_dead_worker_starts_elsewhere_in_time() -> None:
    assert ALIVE_S + (LOOKS + 1) * BEAT_S <= 15
