"""The lesson `deadlock`: it is found while it lasts, cured in three ways, and harms no worker."""

from __future__ import annotations

from pathlib import Path

from tests.lessons.taught import take

CYCLE = [("task 1", "b", "task 2"), ("task 2", "a", "task 1")]


def test_the_deadlock_is_found_and_drawn_and_with_every_cure_all_tasks_finish(
    tmp_path: Path,
) -> None:
    result = take("deadlock", folder=tmp_path)
    locks, subtasks = result.findings.tables
    done = {(row[0], row[1]): row[2] for row in locks.rows}
    for place in ("one worker", "two workers"):
        assert done[place, "opposite order"] in {"1 of 3", "2 of 3"}
        for cure in ("same order", "back-off", "one lock"):
            assert done[place, cure] == "3 of 3"
    assert [row[2] for row in subtasks.rows] == ["0 of 3", "3 of 3", "3 of 3"]
    cycles = [[(w.who, w.what, w.holder) for w in scene.waits_for] for scene in result.scenes]
    assert cycles[0] == cycles[1] == CYCLE
    assert sum(bool(cycle) for cycle in cycles) == 3
    nodes = {lane.node.partition("-")[0] for lane in result.scenes[1].lanes}
    assert nodes == {"threads", "prefork"}
    [page] = tmp_path.glob("*-learn/deadlock.html")
    assert page.read_text().count('class="cycle"') == 3
