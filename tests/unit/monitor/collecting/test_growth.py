"""A count grows at the moment at which it is noted with a higher value."""

from __future__ import annotations

from monitor.collecting.growth import Growth


def test_only_a_higher_value_is_growth() -> None:
    growth = Growth()
    for at_s, lost in ((10.0, 0), (20.0, 2), (30.0, 2), (40.0, 1)):
        growth.note({"lost": lost, "skipped": 0}, at_s)
    assert growth.plain() == {"lost": 20.0}
    growth.note({"lost": 2}, 50.0)
    assert growth.plain() == {"lost": 50.0}
