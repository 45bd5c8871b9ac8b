"""What is kept of one worker is bounded, and says since when it is complete."""

from __future__ import annotations

import pytest

from lab.observe import worker_collected
from lab.observe.worker_collected import WorkerCollected
from tests.unit.producer.observation.made import attempt


def test_the_oldest_attempts_are_dropped_and_it_is_known_since_when_all_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker_collected, "MOST_ATTEMPTS", 3)
    worker = WorkerCollected()
    for second in range(5):
        worker.ended(attempt(float(second), second + 0.5))
    seen = worker.seen("a@x")
    assert [one.finished_s for one in seen.attempts] == [2.5, 3.5, 4.5]
    assert seen.attempts_from_s == 1.5
