"""The lesson `deadlock`: found while it lasts, cured three ways, and nobody the worse for it."""

from __future__ import annotations

from pathlib import Path

from tests.integration.lessons.taught import take

CIRCLE = [("task 1", "b", "task 2"), ("task 2", "a", "task 1")]


def test_the_circle_is_found_and_drawn_and_every_cure_lets_all_work(tmp_path: Path) -> None:
    told = take("deadlock", folder=tmp_path)
    locks, families = told.findings.tables
    worked = {(row[0], row[1]): row[2] for row in locks.rows}
    for place in ("one worker", "two workers"):
        assert worked[place, "opposite order"] in {"1 of 3", "2 of 3"}
        for cure in ("one order", "back-off", "one lock"):
            assert worked[place, cure] == "3 of 3"
    assert [row[2] for row in families.rows] == ["0 of 3", "3 of 3", "3 of 3"]
    circles = [[(w.who, w.what, w.holder) for w in scene.waits_for] for scene in told.scenes]
    assert circles[0] == circles[1] == CIRCLE
    assert sum(bool(circle) for circle in circles) == 3
    nodes = {lane.node.partition("-")[0] for lane in told.scenes[1].lanes}
    assert nodes == {"threads", "prefork"}
    [page] = tmp_path.glob("*-learn/deadlock.html")
    assert page.read_text().count('class="cycle"') == 3
