"""How many at once: turns count as one, however long nobody has one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.learn.engine.atonce import mean_at_once, most_at_once

stretches = st.lists(
    st.tuples(st.floats(0, 100), st.floats(0.01, 10)).map(lambda one: (one[0], one[0] + one[1])),
    min_size=1,
    max_size=20,
)


def test_those_who_take_turns_are_one_at_a_time() -> None:
    turns = [(0.0, 1.0), (1.0, 2.0), (5.0, 6.0)]
    assert mean_at_once(turns) == 1
    assert most_at_once(turns) == 1


def test_those_who_overlap_count_for_as_long_as_they_do() -> None:
    assert mean_at_once([(0.0, 2.0), (1.0, 2.0)]) == pytest.approx(1.5)
    assert most_at_once([(0.0, 2.0), (1.0, 2.0)]) == 2


def test_nobody_is_none() -> None:
    assert mean_at_once([]) == 0
    assert most_at_once([]) == 0


@given(stretches)
def test_the_mean_lies_between_one_and_the_most(some: list[tuple[float, float]]) -> None:
    assert 1 - 1e-9 <= mean_at_once(some) <= most_at_once(some) + 1e-9
    assert most_at_once(some) <= len(some)
