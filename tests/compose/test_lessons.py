"""The lessons on the cluster's own workers, each in a container: every claim holds there too."""

from __future__ import annotations

from typing import Any

import pytest

from lab.lessons import LESSONS
from tests.compose.project import Project
from tests.compose.ride import Ride
from tests.compose.test_lab import SCRATCH, documents, lab
from tests.integration.lessons.taught import held, nothing_left


@pytest.fixture(scope="module")
def taught(ring: Project) -> dict[str, dict[str, Any]]:
    """Take all lessons, as one command; returns what each told, by its name."""
    server = Ride(ring.redis_url).server
    before = held(server)
    words = ("learn", "--all", "--no-predict", "--json", "--out", SCRATCH)
    printed = lab(ring, *words, expect=None)
    told = documents(printed)
    assert len(told) == len(LESSONS), printed
    nothing_left(server, before)
    return {one["lesson"]: one for one in told}


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_holds_on_the_workers_of_the_cluster(
    taught: dict[str, dict[str, Any]], name: str
) -> None:
    claims = taught[name]["findings"]["claims"]
    assert [claim for claim in claims if not claim["holds"]] == []
    lesson = LESSONS[name]
    visited = () if lesson.here else lesson.workers
    assert len(taught[name]["workers"]) == len(visited)
