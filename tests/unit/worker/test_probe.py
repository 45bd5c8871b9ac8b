"""The probe writes as often as the cost of writing allows."""

from __future__ import annotations

import pytest

from worker import probe


@pytest.mark.parametrize(
    ("writing_s", "interval_s"),
    [
        (0.0, probe.FLUSH_INTERVAL_S),
        (5.0, probe.LONGEST_FLUSH_INTERVAL_S),
        (0.1 * probe.FLUSH_SHARE, 0.1),
    ],
    ids=["at-once", "slow", "between"],
)
def test_the_interval_depends_on_how_long_writing_takes(
    writing_s: float, interval_s: float
) -> None:
    assert probe.flush_interval_s(writing_s) == pytest.approx(interval_s)
