"""The lesson `coroutines`: the maximum instead of the sum, and the task that keeps the turn."""

from __future__ import annotations

from pathlib import Path

from tests.integration.lessons.taught import take


def test_greenlets_take_the_maximum_and_who_keeps_the_turn_is_named(tmp_path: Path) -> None:
    told = take("coroutines", folder=tmp_path)
    plays, turns, named = told.findings.tables
    ratios = {str(row[0]): float(row[3] or 0) for row in plays.rows}
    assert ratios["one after the other"] > 1.5
    assert ratios["two greenlets of a task"] < 1.1
    waits_s = {str(row[0]): float(row[2] or 0) for row in turns.rows}
    assert waits_s["computes"] > 0.64
    assert waits_s["C call"] > 0.64
    assert waits_s["gives way"] < waits_s["computes"] / 2
    found = [row for row in named.rows if row[1] != "nobody"]
    assert [row[1] for row in found] == [row[2] for row in found] == ["computes", "C call"]
    assert all(str(row[4]).startswith("coroutines.py:") for row in found)
    [told_of] = [claim for claim in told.findings.claims if "not blamed" in claim.says]
    assert told_of.holds
