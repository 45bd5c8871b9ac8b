"""The lesson `gil`: many updates lost without a cure, none with one."""

from __future__ import annotations

import html
from pathlib import Path

from tests.integration.lessons.taught import not_borne_out, take


def test_updates_are_lost_without_a_cure_and_none_with_one(tmp_path: Path) -> None:
    told = take("gil", folder=tmp_path)
    [table] = told.findings.tables
    lost = {(row[0], row[1]): int(row[4] or 0) for row in table.rows}
    for where in ("threads", "gevent"):
        assert lost[where, "pause"] > 50
        assert lost[where, "pause, mutex"] == 0
    assert lost["Redis, all pools", "lock"] == lost["Redis, all pools", "DECR"] == 0
    assert len(told.scenes) >= 5
    [page] = tmp_path.glob("*-learn/gil.html")
    assert html.escape(told.findings.verdict) in page.read_text()


def test_a_claim_that_is_not_borne_out_ends_with_1_and_says_what_was_seen(tmp_path: Path) -> None:
    told = take("gil", "--pause-ms", "0", "--pools", "threads", folder=tmp_path, expect=1)
    assert "a pause between read and write" in not_borne_out(told)[0].says
