"""The health-check file is touched while the consumer's timer runs and removed at shutdown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from worker import alive


class Timer:
    """Records the scheduled calls; the test runs them."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []

    def call_repeatedly(self, _seconds: float, call: Callable[[], None]) -> Callable[[], None]:
        self.calls.append(call)
        return call

    def cancel(self, call: Callable[[], None]) -> None:
        self.calls.remove(call)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "alive"
    monkeypatch.setenv(alive.FILE_VARIABLE, str(path))
    monkeypatch.setattr(alive, "_previous", None)
    return path


def test_the_file_exists_from_the_start_and_is_touched_again(file: Path) -> None:
    timer = Timer()
    alive.begin(SimpleNamespace(timer=timer))
    assert file.exists()
    file.unlink()
    [touch] = timer.calls
    touch()
    assert file.exists()
    alive.end()
    assert not file.exists()


def test_only_one_timer_remains_after_reconnections(file: Path) -> None:
    timer = Timer()
    for _ in range(3):
        alive.begin(SimpleNamespace(timer=timer))
    assert len(timer.calls) == 1
    assert file.exists()


def test_nothing_is_written_without_the_environment_variable(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(alive.FILE_VARIABLE)
    timer = Timer()
    alive.begin(SimpleNamespace(timer=timer))
    alive.end()
    assert not timer.calls
    assert not file.exists()
