"""The lesson `submit`: how long the submitter waits, and where each callback runs."""

from __future__ import annotations

from pathlib import Path

from tests.lessons.taught import take

TASKS = 8


def test_waiting_for_each_result_blocks_the_submitter_and_callbacks_run_in_workers(
    tmp_path: Path,
) -> None:
    result = take("submit", "--tasks", str(TASKS), folder=tmp_path)
    times, called = result.findings.tables
    rows = {str(row[0]): [float(cell or 0) for cell in row[1:5]] for row in times.rows}
    submit_s, _, last_s, blocked_s = rows["one by one"]
    assert submit_s > (TASKS - 1) * 0.2
    assert last_s > TASKS * 0.2
    assert blocked_s > rows["collect later"][3] > rows["link"][3] == 0
    where = {str(row[0]): (row[1], str(row[3])) for row in called.rows}
    assert where["link"][0] == TASKS + TASKS // 2  # in link, link_error, half of them fail
    assert where["link"][1].startswith("threads-4@poolwise")
    assert where["link_error(request, exc, traceback)"] == (TASKS / 2, "prefork-4@poolwise")
    assert where["chord body"][0] == 1
    assert where["add_done_callback"][1].startswith("client, pid ")
    assert {scene.lanes[0].node for scene in result.scenes} == {"client"}


def test_a_single_pool_runs_its_own_callbacks(tmp_path: Path) -> None:
    result = take("submit", "--pools", "prefork", "--pause-ms", "100", folder=tmp_path)
    assert {lane.node for scene in result.scenes for lane in scene.lanes} == {
        "client", "prefork-4@poolwise",
    }  # fmt: skip
