"""Poolwise runs in the user's folder, whose modules may have the names of its packages."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from cluster.local import LocalCluster, WorkerSpec
from cluster.ports import free_port
from tests.command import running

NAMES = ("tasks", "worker", "producer", "cluster", "monitor", "lab")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('this is the wrong module')\n")
    (tmp_path / "logs").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_modules_in_the_current_folder_do_not_hide_ours(folder: Path) -> None:
    with LocalCluster(folder / "logs") as cluster:
        spec = WorkerSpec(
            name="w",
            pool="threads",
            concurrency=1,
            queues=("q",),
            broker_url=cluster.broker_url,
        )
        [worker] = cluster.start_workers([spec])
        assert worker.child.alive
        assert cluster.start_delay_server() > 0
        flower, _ = cluster.start_flower(free_port())
        assert flower.alive


def test_nor_do_they_hide_those_of_the_command_flower(folder: Path) -> None:
    with (
        LocalCluster(folder / "logs") as cluster,
        running("flower", "--port", "0", "--broker", cluster.broker_url, folder=folder) as command,
    ):
        command.until(lambda: "able to read records" in command.output())
        command.signal(signal.SIGINT)
        assert command.ended() == 0
