"""The lessons on the cluster's own workers, each in a container: every claim holds there too."""

from __future__ import annotations

from typing import Any

import pytest

from lab.learn.registry import LESSONS
from tests.compose.project import Project
from tests.compose.ride import Ride
from tests.compose.test_lab import SCRATCH, documents, lab
from tests.integration.lessons.taught import held, nothing_left

#: Seconds for all lessons: two or three minutes, and the ring's tests end after five.
ALL_S = 285.0


@pytest.fixture(scope="module")
def taught(ring: Project) -> dict[str, dict[str, Any]]:
    """Take all lessons, as one command; returns what each told, by its name."""
    server = Ride(ring.redis_url).server
    before = held(server)
    words = ("learn", "--all", "--no-predict", "--json", "--out", SCRATCH)
    printed = lab(ring, *words, expect=None, timeout_s=ALL_S)
    told = documents(printed)
    assert len(told) == len(LESSONS), printed
    not_so = [one for one in told if not all(claim["holds"] for claim in one["findings"]["claims"])]
    assert ("not borne out" in printed) == bool(not_so), printed
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
