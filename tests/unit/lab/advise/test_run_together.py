"""The safety check ends with the first runs of its tasks, whatever follows them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from lab.advise.risks import safety as module
from lab.advise.risks.safety import FEWEST, LONGEST_S, SafetyCheck, Together, run_together
from lab.project.first_tries import FirstTries
from producer.plan import Work
from tests.unit.lab.advise.test_search import profile
from tests.unit.lab.project.fake_workers import FakeWorkers


def together(
    workers: FakeWorkers,
    monkeypatch: pytest.MonkeyPatch,
    *,
    run_s: float = 0.01,
    left_s: float = 120.0,
) -> Together:
    fake: Any = workers
    fake.spec = SimpleNamespace(slots=workers.slots)
    workers.replace_in(module, monkeypatch)
    tried = FirstTries(profile=profile(run_s=run_s, cpu_s=0.0), results={})
    end = workers.now + left_s
    check = SafetyCheck(
        calls=[Work(task="shop.fetch")], tried=tried, left_s=lambda: max(0.0, end - workers.now)
    )
    return run_together(workers.session, fake, fake, check)


def test_a_run_that_asks_for_a_retry_counts_as_failed_even_if_the_retry_succeeds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def retried(number: int) -> str:
        if number == FEWEST - 1:
            workers.again("0", "run.safety-queue")
        return "succeeded" if number % 4 else "retried"

    workers = FakeWorkers(retried)
    begin = workers.now
    found = together(workers, monkeypatch)
    assert (found.tally.runs, found.tally.failed) == (FEWEST, FEWEST // 4)
    assert workers.now - begin < 1


@pytest.mark.parametrize(
    ("fate", "withdrawn", "left"),
    [("succeeded", (), 0), ("retried", (), 1), (None, (), 1), (None, ("3",), 0)],
)
def test_what_the_workers_still_hold_is_counted(
    fate: str | None, withdrawn: tuple[str, ...], left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = FakeWorkers(lambda number: fate if number == 3 else "succeeded")
    workers.drained.extend(withdrawn)
    assert together(workers, monkeypatch).left == left


@pytest.mark.parametrize(
    ("left_s", "run_s", "most_s"),
    [(120.0, 1.0, LONGEST_S), (12.0, 1.0, 12.0), (0.0, 6.0, 12.0), (0.0, 60.0, LONGEST_S)],
)
def test_it_ends_with_the_search_but_gets_time_for_a_run(
    left_s: float, run_s: float, most_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = FakeWorkers(lambda number: None if number else "succeeded")
    begin = workers.now
    together(workers, monkeypatch, run_s=run_s, left_s=left_s)
    assert workers.now - begin == pytest.approx(most_s, abs=0.1)
