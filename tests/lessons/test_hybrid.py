"""The lesson `hybrid`, run as a learner runs it: all figures are there and all claims hold."""

from __future__ import annotations

import json
from pathlib import Path

from tests.command import poolwise


def test_all_claims_about_processes_threads_and_greenlets_hold(tmp_path: Path) -> None:
    done = poolwise("learn", "hybrid", "--no-predict", "--json", cwd=tmp_path, timeout_s=110)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    winners, *mixes = result["findings"]["tables"]
    assert all(claim["holds"] for claim in result["findings"]["claims"])
    assert len(winners["rows"]) == len(mixes) == 3
    assert [len(table["rows"]) for table in mixes] == [len(result["scenes"])] * 3 == [6] * 3
    memory_bytes = {row[0]: row[4] for row in mixes[0]["rows"]}
    # Sixteen processes against one: the lesson is about what a slot costs.
    assert memory_bytes["prefork ×16"] > 4 * memory_bytes["gevent ×16"]
