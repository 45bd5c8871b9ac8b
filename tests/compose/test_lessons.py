"""The lessons on the cluster's own workers, each in a container: every claim holds there too."""

from __future__ import annotations

import pytest

from lab.lessons import LESSONS
from tests.compose.project import Project
from tests.compose.ride import Ride
from tests.compose.test_lab import SCRATCH, document, lab
from tests.integration.lessons.taught import held, nothing_left


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_holds_on_the_workers_of_the_cluster(ring: Project, ride: Ride, name: str) -> None:
    before = held(ride.server)
    told = document(lab(ring, "learn", name, "--no-predict", "--json", "--out", SCRATCH))
    findings = told["findings"]
    assert [claim for claim in findings["claims"] if not claim["holds"]] == []  # type: ignore[index]
    lesson = LESSONS[name]
    visited = () if lesson.here else lesson.workers
    assert len(told["workers"]) == len(visited)  # type: ignore[arg-type]
    nothing_left(ride.server, before)
