"""Every claim of every lesson holds on the cluster's own workers."""

from __future__ import annotations

from typing import Any

import pytest

from lab.learn.registry import LESSONS
from tests.compose.load_run import LoadRun
from tests.compose.project import Project
from tests.compose.test_lab import SCRATCH, documents, lab
from tests.lessons.taught import held, nothing_left

#: Timeout for all lessons, in seconds. They take two to three minutes; a test may take five.
ALL_S = 285.0


@pytest.fixture(scope="module")
def results(cluster: Project) -> dict[str, dict[str, Any]]:
    """Run all lessons in one command; return their results by name."""
    server = LoadRun(cluster.redis_url).server
    before = held(server)
    words = ("learn", "--all", "--no-predict", "--json", "--out", SCRATCH)
    printed = lab(cluster, *words, expect=None, timeout_s=ALL_S)
    lessons = documents(printed)
    assert len(lessons) == len(LESSONS), printed
    failed = [
        one for one in lessons if not all(claim["holds"] for claim in one["findings"]["claims"])
    ]
    assert ("not confirmed: " in printed) == bool(failed), printed
    nothing_left(server, before)
    return {one["lesson"]: one for one in lessons}


@pytest.mark.parametrize("name", LESSONS)
def test_lesson_holds_on_the_workers_of_the_cluster(
    results: dict[str, dict[str, Any]], name: str
) -> None:
    claims = results[name]["findings"]["claims"]
    assert [claim for claim in claims if not claim["holds"]] == []
    lesson = LESSONS[name]
    visited = () if lesson.started_here else lesson.workers
    assert len(results[name]["workers"]) == len(visited)
