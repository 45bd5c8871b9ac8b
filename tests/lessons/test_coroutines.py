"""The lesson `coroutines`: the longer wait instead of the sum, and the task that blocks others."""

from __future__ import annotations

from pathlib import Path

from tests.lessons.taught import take


def test_greenlets_wait_at_the_same_time_and_the_blocking_task_is_named(tmp_path: Path) -> None:
    result = take("coroutines", folder=tmp_path)
    waits, turns, stalls = result.findings.tables
    ratios = {str(row[0]): float(row[3] or 0) for row in waits.rows}
    assert ratios["one after the other"] > 1.5
    assert ratios["two greenlets of one task"] < 1.1
    waits_s = {str(row[0]): float(row[2] or 0) for row in turns.rows}
    assert waits_s["computes"] > 0.64
    assert waits_s["C call"] > 0.64
    assert waits_s["yields"] < waits_s["computes"] / 2
    found = [row for row in stalls.rows if row[1] != "no task"]
    assert [row[1] for row in found] == [row[2] for row in found] == ["computes", "C call"]
    assert all(str(row[4]).startswith("blocking.py:") for row in found)
    [patient] = [claim for claim in result.findings.claims if "not blamed" in claim.says]
    assert patient.holds
