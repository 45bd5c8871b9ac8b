"""The lesson `hybrid` as its learner runs it: every figure there, every claim borne out."""

from __future__ import annotations

import json
from pathlib import Path

from tests.command import poolwise


def test_what_it_says_of_processes_threads_and_greenlets_is_so(tmp_path: Path) -> None:
    done = poolwise("learn", "hybrid", "--no-predict", "--json", cwd=tmp_path, timeout_s=110)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    winners, *figures = told["findings"]["tables"]
    assert all(claim["holds"] for claim in told["findings"]["claims"])
    assert len(winners["rows"]) == len(figures) == 3
    assert [len(table["rows"]) for table in figures] == [len(told["scenes"])] * 3 == [6] * 3
    memory_bytes = {row[0]: row[4] for row in figures[0]["rows"]}
    # Sixteen processes against one: what a slot costs is what the lesson is about.
    assert memory_bytes["prefork ×16"] > 4 * memory_bytes["gevent ×16"]
