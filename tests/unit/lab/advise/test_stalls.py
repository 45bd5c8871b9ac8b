"""A stall is worth a warning if the code waited, not if it computed or had no core."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.advise.risks.stalls import Pulse, Stall, blocking

SHOP = Path("/srv/shop")


def pulse(total_s: float, busy_s: float, line: str = "/srv/shop/tasks.py:12") -> Pulse:
    stall = Stall(
        line=line,
        call="execute in psycopg2/extensions.py",
        count=10,
        total_s=total_s,
        longest_s=total_s / 5,
        busy_s=busy_s,
    )
    return Pulse(seconds=10.0, stalls=(stall,))


def test_a_call_that_waits_is_named_with_its_line() -> None:
    text = blocking([pulse(4.0, 0.1)], SHOP)
    assert text.startswith("tasks.py:12 (execute in psycopg2/extensions.py) blocked all greenlets")
    assert "400 ms on average" in text


@pytest.mark.parametrize(
    ("total_s", "busy_s"),
    [(4.0, 3.9), (4.0, 2.5), (0.2, 0.0)],
    ids=["it computes", "it had no core", "it is short"],
)
def test_other_stalls_are_no_problem(total_s: float, busy_s: float) -> None:
    assert blocking([pulse(total_s, busy_s)], SHOP) == ""
