"""The lesson `echo`: 500 clients on one thread, and a server that serves only its first client."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import pytest

from tests.command import poolwise
from tests.lessons.taught import take


def test_only_the_sequential_server_does_not_serve_all_clients(
    tmp_path: Path,
) -> None:
    result = take("echo", folder=tmp_path)
    [table] = result.findings.tables
    rows = {str(row[0]): row[1:] for row in table.rows}
    served, at_once, threads = rows["sequential"][:3]
    assert (served, at_once, threads) == (1, 1, 1)
    assert rows["threaded"][:3] == (500, 500, 501)
    assert rows["gevent"][:3] == rows["asyncio"][:3] == (500, 500, 1)
    assert all(float(row[3] or 0) > 1e6 for row in rows.values())
    first = result.scenes[0]
    kept_waiting = {bar.lane for bar in first.bars if bar.finished_s - bar.started_s > 0.9}
    assert kept_waiting == set(range(len(first.lanes)))
    assert {bar.lane for bar in first.bars if "messages" in bar.what} == {0}


@pytest.mark.skipif(sys.platform != "linux", reason="macOS may not lower it for one child")
def test_too_few_open_files_get_one_line(tmp_path: Path) -> None:
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
