"""A run of faults keeps what it has measured, however and whenever it ends."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import FIRST_COMPLETED, Future, wait
from pathlib import Path
from typing import Any

import pytest

from cluster.local import LocalCluster
from cluster.machine import Machine
from lab.chaos import live
from lab.chaos import run as chaos_run
from lab.chaos.cell import CellSpec, blank
from lab.chaos.chaos_options import ChaosOptions
from lab.chaos.collected import Titled
from lab.chaos.fault_table import FAULTS
from lab.chaos.stop import Stop
from lab.chaos.trial.delivery import DELIVERIES
from lab.chaos.trial.waiting import StoppedError
from lab.results import files as result_files
from lab.results.chaos import ChaosCell, ChaosResult
from tasks.errors import WorkerError
from tests.command import running
from worker.pools import POOLS

CELLS = 8


class Events:
    """Ignores what happens."""

    def prepared(self, cells: int, faults: int, text: str) -> None:
        """Ignore it."""

    def fault(self, spec: Titled, number: int) -> None:
        """Ignore it."""

    def measured(self, cell: ChaosCell) -> None:
        """Ignore it."""

    def stopping(self) -> None:
        """Ignore it."""


OPTIONS = ChaosOptions(
    faults=tuple(FAULTS.values())[:CELLS],
    pools=(POOLS["prefork"],),
    deliveries=(DELIVERIES["defaults"],),
    kills=1,
    jobs=CELLS,
    seed=1,
    command="",
    program="poolwise",
)


@pytest.fixture
def together(monkeypatch: pytest.MonkeyPatch) -> threading.Barrier:
    """Return a barrier at which all cells end, without being measured."""
    barrier = threading.Barrier(CELLS)

    def measured(spec: CellSpec, *_: Any) -> ChaosCell:
        barrier.wait(20)
        return blank(spec, "")

    monkeypatch.setattr(chaos_run, "measure", measured)
    return barrier


def ended(folder: Path) -> tuple[ChaosResult, BaseException | None]:
    """Run all cells; return the result and what ended the run."""
    found = chaos_run.run(OPTIONS, folder, Machine.this(), Events())
    return found.result, found.ended_by


@pytest.mark.usefixtures("together")
def test_a_signal_while_the_cluster_is_being_stopped_costs_no_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(LocalCluster):
        """Gets a signal at its end."""

        def close(self) -> None:
            super().close()
            raise SystemExit(143)

    monkeypatch.setattr(chaos_run, "LocalCluster", Interrupted)
    result, by = ended(tmp_path)
    assert isinstance(by, SystemExit)
    assert len(result.cells) == CELLS
    assert not result.interrupted


@pytest.mark.usefixtures("together")
def test_cells_that_were_not_shown_before_a_signal_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(waiting: set[Future[ChaosCell]], *_: Any) -> None:
        wait(waiting, 20)
        raise SystemExit(143)

    monkeypatch.setattr(chaos_run, "wait", interrupted)
    result, by = ended(tmp_path)
    assert isinstance(by, SystemExit)
    assert len(result.cells) == CELLS


def test_a_cell_that_fails_because_of_a_bug_costs_no_other(
    together: threading.Barrier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(spec: CellSpec, *_: Any) -> ChaosCell:
        together.wait(20)
        if spec.fault is OPTIONS.faults[0]:
            raise ValueError("a bug")
        return blank(spec, "")

    monkeypatch.setattr(chaos_run, "measure", measured)
    result, by = ended(tmp_path)
    assert isinstance(by, ValueError)
    assert [one.fault for one in result.cells] == [one.name for one in OPTIONS.faults[1:]]
    assert result.interrupted


def test_a_cell_that_fails_because_the_run_ends_is_not_kept(
    together: threading.Barrier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(
        spec: CellSpec, _cluster: LocalCluster, _folder: Path, stop: Stop, _fault: Any
    ) -> ChaosCell:
        together.wait(20)
        if spec.fault is OPTIONS.faults[0]:
            return blank(spec, "")
        stop.now.wait(20)
        raise WorkerError("it was stopped")

    def interrupted(waiting: set[Future[ChaosCell]], *_: Any) -> None:
        wait(waiting, 20, FIRST_COMPLETED)
        raise SystemExit(143)

    monkeypatch.setattr(chaos_run, "measure", measured)
    monkeypatch.setattr(chaos_run, "wait", interrupted)
    result, _ = ended(tmp_path)
    assert [one.fault for one in result.cells] == [OPTIONS.faults[0].name]


#: Seconds that a combination may take after Ctrl-C on a busy machine.
ACCOUNT_S = 100.0
ONE_CELL = ("--pool", "threads", "--settings", "defaults", "--jobs", "1")


@pytest.mark.timeout(ACCOUNT_S + 60)
@pytest.mark.parametrize("kills", [1, 100], ids=["after the last", "before the last"])
def test_after_ctrl_c_the_faults_so_far_are_accounted_for(kills: int, tmp_path: Path) -> None:
    faults = ("--fault", "client-kill,script-flush", "--kills", str(kills))
    with running("chaos", *faults, *ONE_CELL, folder=tmp_path) as command:
        command.until(lambda: f" of {2 * kills} faults" in command.output())
        command.signal(signal.SIGINT)
        assert command.ended(ACCOUNT_S) == 130, command.output()
        assert live.STOPPING in command.output()
        command.wait_for_descendants()
    [written] = tmp_path.glob("runs/*/result.json")
    result = result_files.read(written, ChaosResult)
    [cell] = result.cells
    assert cell.fault == "client-kill"
    assert cell.aimed == 1 or 1 < cell.aimed < kills
    assert cell.account.accounted == cell.account.submitted > 0
    assert cell.notes == (() if kills == 1 else (f"interrupted after {cell.aimed} of 100 faults",))
    assert result.interrupted


def test_ctrl_c_before_the_first_fault_leaves_nothing_to_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(
        _spec: CellSpec, _cluster: LocalCluster, _folder: Path, stop: Stop, _fault: Any
    ) -> ChaosCell:
        assert stop.soon.wait(20)
        raise StoppedError

    presses = iter([KeyboardInterrupt])

    def interrupted(waiting: set[Future[ChaosCell]], *_: Any) -> Any:
        for press in presses:
            raise press
        return wait(waiting, 20)

    monkeypatch.setattr(chaos_run, "measure", measured)
    monkeypatch.setattr(chaos_run, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ended(tmp_path)


@pytest.mark.timeout(150)
def test_pressing_ctrl_c_twice_keeps_the_complete_cells(tmp_path: Path) -> None:
    faults = ("--fault", "script-flush,stall", "--kills", "1")
    with running("chaos", *faults, *ONE_CELL, folder=tmp_path) as command:
        command.until(lambda: "script-flush       threads" in command.output())
        command.until(
            lambda: any(one.stat().st_size for one in tmp_path.glob("runs/*/*stall*/ledger"))
        )
        command.signal(signal.SIGINT)
        command.until(lambda: live.STOPPING in command.output())
        command.signal(signal.SIGINT)
        assert command.ended() == 130, command.output()
        [written] = tmp_path.glob("runs/*/result.json")
        result = result_files.read(written, ChaosResult)
        assert [one.fault for one in result.cells] == ["script-flush"]
        assert result.interrupted
        command.wait_for_descendants()
