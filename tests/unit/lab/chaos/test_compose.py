"""What fails on the running cluster ends one cell, and a container stays hurt only with a word."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cluster.machine import Machine
from lab.chaos.collected import Titled
from lab.chaos.compose import run as compose_run
from lab.chaos.compose.faults import CONTAINER_FAULTS
from lab.chaos.compose.project import Container
from lab.chaos.compose.trial import ComposeTrial
from lab.results.chaos import ChaosCell
from tasks.errors import WorkerError

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

    def stopping(self) -> None:
        """Nothing to note."""


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


def test_what_fails_during_ctrl_c_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[object] = []

    def interrupted(*_: object) -> ChaosCell:
        measured.append(_)
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as ending:
            raise WorkerError("docker start failed") from ending

    monkeypatch.setattr(compose_run, "_measure", interrupted)
    with pytest.raises(WorkerError, match="docker start failed"):
        compose_run.run(options("container-kill"), "run", Machine.this(), Events())
    assert len(measured) == 1


@pytest.mark.parametrize(
    ("fault", "failing", "command"),
    [
        (
            "container-disconnect",
            "network connect*",
            f"network connect --alias {WORKER.service} own",
        ),
        ("container-kill", "start*", "start"),
        ("container-pause", "unpause*", "unpause"),
    ],
)
def test_if_a_fault_cannot_be_undone_the_command_that_does_it_is_shown(
    fault: str, failing: str, command: str, docker: Docker
) -> None:
    book = SimpleNamespace(unended=lambda running: running)
    trial: Any = SimpleNamespace(
        container=WORKER, book=book, busy=lambda: {"a": 1.0}, pause=lambda _seconds: None
    )
    inject = CONTAINER_FAULTS[fault].inject
    docker("true")
    assert inject(trial).hit
    docker(f'case "$*" in {failing.replace(" ", chr(92) + " ")}) exit 1;; esac')
    with pytest.raises(WorkerError, match=f"run it yourself: docker {command} {WORKER.id}$"):
        inject(trial)
    docker("echo broken >&2; exit 1")
    first = f"^docker .* failed: broken; .*: docker {command} {WORKER.id}$"
    with pytest.raises(WorkerError, match=first):
        inject(trial)


def test_the_tasks_that_ended_the_wait_count_as_running(docker: Docker) -> None:
    docker('case "$*" in compose*) exec cat;; *) echo running;; esac')
    answers: list[dict[str, float]] = [{}, {"a": 1.0}, {}]

    class Scripted(ComposeTrial):
        """Runs what a test says."""

        def running(self) -> dict[str, float]:
            return answers.pop(0)

    trial = Scripted(WORKER, "run", 1, threading.Event())
    try:
        assert trial.busy() == {"a": 1.0}
    finally:
        trial.close()
