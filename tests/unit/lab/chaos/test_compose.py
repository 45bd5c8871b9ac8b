"""What fails on the running cluster ends one cell, and a container stays hurt only with a word."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.machine import Machine
from lab.chaos.collected import Titled
from lab.chaos.compose import run as compose_run
from lab.chaos.compose.faults import CONTAINER_FAULTS
from lab.chaos.compose.project import Container
from lab.results.chaos import ChaosCell

#: A worker of docker compose.
WORKER = Container(id="0123456789ab", service="worker-threads", networks=("own",))

#: Stands for docker, with the script that a test gives it.
Docker = Callable[[str], None]


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """Return what puts a shell script in the place of docker."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def place(script: str) -> None:
        (folder / "docker").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "docker").chmod(0o755)

    return place


class Events:
    """Notes the cells."""

    def __init__(self) -> None:
        self.cells: list[ChaosCell] = []

    def prepared(self, cells: int, faults: int, text: str) -> None:
        """Nothing to note."""

    def fault(self, spec: Titled, number: int) -> None:
        """Nothing to note."""

    def measured(self, cell: ChaosCell) -> None:
        """Note a cell."""
        self.cells.append(cell)


def options(*faults: str) -> compose_run.ComposeOptions:
    """Return the options of a run of these faults."""
    return compose_run.ComposeOptions(
        faults=tuple(CONTAINER_FAULTS[one] for one in faults),
        containers=(WORKER,),
        kills=1,
        seed=1,
        command="",
        program="poolwise",
    )


def test_a_container_that_sends_nothing_ends_only_its_cell(docker: Docker) -> None:
    docker('case "$*" in inspect*) echo running;; *) echo no image >&2; exit 1;; esac')
    events = Events()
    chosen = options("container-kill", "container-pause")
    ended = compose_run.run(chosen, "run", Machine.this(), events)
    assert ended.ended_by is None
    assert not ended.result.interrupted
    assert tuple(events.cells) == ended.result.cells
    assert [one.fault for one in ended.result.cells] == ["container-kill", "container-pause"]
    for one in ended.result.cells:
        why = "worker-threads: the container that sends tasks ended: no image"
        assert one.skipped == f"could not be measured: {why}"
