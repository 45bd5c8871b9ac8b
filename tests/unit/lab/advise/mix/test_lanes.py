"""A lane of short tasks is fed until the end; one of long tasks gets no more than it can run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from lab.advise.mix.lanes import Lane


def lane(rate_per_s: float) -> Lane:
    """Return a lane of two slots whose workers fetch eight messages."""
    group: Any = SimpleNamespace(slots=2, held=8)
    return Lane(group=group, tasks=frozenset({"any"}), weight=1, rate_per_s=rate_per_s)


@pytest.mark.parametrize("ahead_s", [8.0, 1.0, 0.0])
def test_a_lane_of_short_tasks_is_fed_until_the_end(ahead_s: float) -> None:
    assert lane(4.0).wanted(ahead_s) == 10


@pytest.mark.parametrize(("ahead_s", "wanted"), [(60.0, 8), (10.0, 5), (0.0, 4)])
def test_a_lane_of_long_tasks_gets_no_more_than_it_can_run(ahead_s: float, wanted: int) -> None:
    assert lane(0.1).wanted(ahead_s) == wanted
