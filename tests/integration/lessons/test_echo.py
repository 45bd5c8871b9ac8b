"""The lesson `echo`: 500 clients on one thread, and the server that serves only its first."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import pytest

from tests.command import poolwise
from tests.integration.lessons.taught import take


def test_five_hundred_are_served_at_once_and_one_where_nobody_is_spawned(tmp_path: Path) -> None:
    told = take("echo", folder=tmp_path)
    [table] = told.findings.tables
    rows = {str(row[0]): row[1:] for row in table.rows}
    served, at_once, threads = rows["sequential"][:3]
    assert (served, at_once, threads) == (1, 1, 1)
    assert rows["threaded"][:3] == (500, 500, 501)
    assert rows["gevent"][:3] == rows["asyncio"][:3] == (500, 500, 1)
    assert all(float(row[3] or 0) > 1e6 for row in rows.values())
    first = told.scenes[0]
    kept_waiting = {bar.lane for bar in first.bars if bar.finished_s - bar.started_s > 0.9}
    assert kept_waiting == set(range(len(first.lanes)))
    assert {bar.lane for bar in first.bars if "messages" in bar.what} == {0}


@pytest.mark.skipif(sys.platform != "linux", reason="macOS may not lower it for a child alone")
def test_a_machine_with_too_few_open_files_is_told_so_in_one_line(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    try:
        done = poolwise("learn", "echo", "--no-predict", "--out", str(tmp_path))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert done.returncode == 6
    [line] = [line for line in done.stderr.splitlines() if "error" in line]
    assert "500 clients need 600 open files" in line
    assert "--clients 412" in line
