"""A run that asks for a retry is over; errors are shown as Python writes them."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from lab.project import first_tries as module
from lab.project.first_tries import FirstTries, TaskFailedError, stored, try_alone
from producer.plan import Work
from tests.unit.lab.project.fake_workers import FakeWorkers


class Records(dict[str, bytes]):
    """The keys of a result backend."""


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        ({"status": "SUCCESS", "result": 5}, (5, "")),
        ({"status": "FAILURE", "traceback": "Trace\nValueError"}, (None, "Trace\nValueError")),
        (
            {"status": "FAILURE", "result": {"exc_type": "TimeLimitExceeded", "exc_message": [1]}},
            (None, "TimeLimitExceeded: 1"),
        ),
        ({"status": "FAILURE", "result": "gone"}, (None, "gone")),
        ({}, (None, "")),
    ],
)
def test_a_result_or_an_error_is_read(meta: dict[str, Any], expected: tuple[Any, str]) -> None:
    session: Any = SimpleNamespace(
        records=Records({"celery-task-meta-1": json.dumps(meta).encode()})
    )
    assert stored(session, "1") == expected


def tried(workers: FakeWorkers, monkeypatch: pytest.MonkeyPatch) -> FirstTries:
    fake: Any = workers
    workers.replace_in(module, monkeypatch)
    return try_alone(workers.session, fake, fake, [Work(task="shop.fetch")])


def test_a_run_that_asks_for_a_retry_counts_as_one_that_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workers = FakeWorkers(lambda number: "succeeded" if number % 3 else "retried")
    found = tried(workers, monkeypatch)
    profile = found.profile
    assert found.retries == 1 + profile.failed  # with that of the first run
    assert profile.runs == len(workers.sent) - 1  # without the first, which loads the modules
    assert 0 < profile.failed < profile.runs / 2


def test_a_retry_that_comes_due_meanwhile_shares_the_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    def with_retry(_number: int) -> str:
        workers.again("0", "run.first")
        return "succeeded"

    workers = FakeWorkers(with_retry)
    profile = tried(workers, monkeypatch).profile
    assert profile.cpu_s == pytest.approx((workers.now - 1_000.05) / (2 * profile.runs))


def test_if_all_runs_ask_for_a_retry_the_reason_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    workers = FakeWorkers(lambda _number: "retried")
    meta = json.dumps({"status": "RETRY", "traceback": "Retry in 180s: OSError('no answer')"})
    workers.session.records = Records(
        {f"celery-task-meta-{number}": meta.encode() for number in range(100)}
    )
    with pytest.raises(TaskFailedError, match="runs asked for a retry") as raised:
        tried(workers, monkeypatch)
    assert "OSError('no answer')" in str(raised.value)


@pytest.mark.parametrize("process_bytes", [None, 330])
def test_the_memory_of_the_process_is_told_from_that_of_the_worker(
    process_bytes: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = FakeWorkers(lambda _number: "succeeded")
    workers.replace_in(module, monkeypatch)
    monkeypatch.setattr(module, "pss_bytes", lambda _pid: 360)
    monkeypatch.setattr(module, "children_bytes", lambda _pid: process_bytes)
    fake: Any = workers
    profile = try_alone(workers.session, fake, fake, [Work(task="shop.fetch")]).profile
    assert (profile.worker_bytes, profile.process_bytes) == (360, process_bytes)
