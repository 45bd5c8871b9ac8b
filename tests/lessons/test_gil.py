"""The lesson `gil`: most updates are lost without a cure, none with one."""

from __future__ import annotations

from pathlib import Path

from markupsafe import escape

from tests.lessons.taught import failing, take


def test_most_updates_are_lost_without_a_cure_and_none_with_one(tmp_path: Path) -> None:
    result = take("gil", folder=tmp_path)
    [table] = result.findings.tables
    lost = {(row[0], row[1]): int(row[4] or 0) for row in table.rows}
    for where in ("threads", "gevent"):
        assert lost[where, "pause"] > 50
        assert lost[where, "pause, mutex"] == 0
    assert lost["Redis, all pools", "lock"] == lost["Redis, all pools", "DECR"] == 0
    assert len(result.scenes) >= 5
    [page] = tmp_path.glob("*-learn/gil.html")
    assert escape(result.findings.verdict) in page.read_text()


def test_a_claim_that_fails_is_reported_and_the_command_exits_with_1(tmp_path: Path) -> None:
    result = take("gil", "--pause-ms", "0", "--pools", "threads", folder=tmp_path, expect=1)
    assert "a pause between read and write" in failing(result)[0].says
