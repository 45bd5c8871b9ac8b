"""A child is killed with its group, once: later, another process may have its number."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cluster.process import Child
from cluster.wait import wait_until

#: Starts a process of its own, prints its id, and waits.
TWO = "sleep 600 & echo $!; wait"


class Registry:
    """Notes which process groups have been forgotten."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.removed: list[int] = []
        self._sink = (scratch / "registered").open("w")

    def fileno(self) -> int:
        """Return where children register themselves."""
        return self._sink.fileno()

    def remove(self, pid: int) -> None:
        """Note one."""
        self.removed.append(pid)

    def close(self) -> None:
        """Close the file."""
        self._sink.close()


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    made = Registry(tmp_path)
    yield made
    made.close()


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the process groups that get a signal from now on."""
    groups: list[int] = []
    send = os.killpg

    def noted(group: int, number: int) -> None:
        groups.append(group)
        send(group, number)

    monkeypatch.setattr(os, "killpg", noted)
    return groups


def runs(pid: int) -> bool:
    """Return whether a process runs; one that has ended may wait for its parent to notice."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_group_is_killed_once(tmp_path: Path, registry: Registry, killed: list[int]) -> None:
    log = tmp_path / "log"
    child = Child("c", ["/bin/sh", "-c", TWO], log=log, registry=registry)
    wait_until(lambda: log.read_text().strip(), 20, lambda: AssertionError(child.failure()))
    other = int(log.read_text())
    for _ in range(2):
        child.kill()
    child.stop()
    assert not child.alive
    assert killed == registry.removed == [child.pid]
    wait_until(lambda: not runs(other), 20, lambda: AssertionError(f"{other} still runs"))


def test_what_a_child_that_has_ended_left_behind_is_killed_once(
    tmp_path: Path, registry: Registry, killed: list[int]
) -> None:
    child = Child("c", ["true"], log=tmp_path / "log", registry=registry)
    assert child.ends_within(20)
    for _ in range(2):
        child.kill()
    assert killed == registry.removed == [child.pid]
