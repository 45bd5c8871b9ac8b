"""`poolwise chaos` on real brokers and workers: it finds losses, and leaves nothing behind."""

from __future__ import annotations

import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cluster.local import LocalCluster
from lab.chaos.cell import CellSpec, measure
from lab.chaos.fault_table import FAULTS
from lab.chaos.stop import Stop
from lab.chaos.trial.delivery import DELIVERIES
from lab.chaos.trial.injected import Injected
from lab.chaos.trial.trial import Trial
from lab.results import files as result_files
from lab.results.chaos import ChaosCell, ChaosResult
from tests.command import RunningCommand, running
from worker.pools import DEFAULT_POOLS, POOLS

#: Seconds that a run of a few cells may take on a busy machine.
BOUND_S = 240.0


def cells(
    folder: Path, *options: str, env: dict[str, str] | None = None
) -> dict[tuple[str, str, str], ChaosCell]:
    """Run `poolwise chaos`; return its cells by fault, pool and settings."""
    with running("chaos", "--seed", "1", *options, folder=folder, env=env) as command:
        done = command.done(BOUND_S)
        assert done.returncode in {0, 1}, done.stderr
        [written] = folder.glob("runs/*/result.json")
        found = result_files.read(written, ChaosResult).cells
        command.wait_for_descendants()
    assert (written.parent / "report.html").exists()
    for one in found:
        assert not one.skipped, one.skipped
        assert one.account.accounted == one.account.submitted > 0
        assert one.account.early == 0
    return {(one.fault, one.pool, one.settings): one for one in found}


@pytest.mark.timeout(BOUND_S + 30)
def test_defaults_lose_the_tasks_of_a_killed_worker_in_every_pool(tmp_path: Path) -> None:
    found = cells(tmp_path, "--fault", "kill-worker", "--settings", "defaults", "--kills", "2")
    assert {pool for _, pool, _ in found} == set(DEFAULT_POOLS)
    for one in found.values():
        assert one.hits > 0
        assert one.account.lost >= one.hits, one


@pytest.mark.timeout(BOUND_S + 30)
def test_rejecting_brings_the_task_of_a_killed_process_back(tmp_path: Path) -> None:
    settings = "defaults,acks-late,reject-on-lost,poolwise"
    options = ("--pool", "prefork", "--settings", settings, "--kills", "2")
    found = cells(tmp_path, "--fault", "kill-child", *options)
    failed = {settings: one.account.failed > 0 for (_, _, settings), one in found.items()}
    assert failed == {
        "defaults": True,
        "acks-late": True,
        "reject-on-lost": False,
        "poolwise": False,
    }
    for name in ("reject-on-lost", "poolwise"):
        one = found["kill-child", "prefork", name]
        assert one.never_again == 0
        assert one.account.lost == 0


@pytest.mark.timeout(BOUND_S + 30)
def test_settings_run_on_the_transport_that_their_column_names(tmp_path: Path) -> None:
    options = ("--pool", "threads", "--settings", "reject-on-lost", "--transport", "stock,lease")
    found = cells(tmp_path, "--fault", "kill-worker", *options, "--kills", "1")
    stock, lease = (
        found["kill-worker", "threads", name] for name in ("reject-on-lost", "reject-on-lost+lease")
    )
    assert stock.account.held > 0
    assert lease.account.held == lease.account.lost == lease.never_again == 0


#: What Poolwise's settings promise after each fault: see `kept`.
PROMISES = {
    "kill-worker": "work starts again",
    "short-grace": "work starts again",
    "warm-shutdown": "none runs twice",
    "cold-shutdown": "nothing is lost",
    "redis-restart": "workers resume",
    "redis-kill": "workers resume",
    "client-kill": "workers resume",
}
#: Faults that cannot hit a message between the two commands with which kombu fetches it.
NO_LOSS = frozenset({"warm-shutdown", "cold-shutdown"})
SETTINGS = "poolwise"


def kept(promise: str, cell: ChaosCell) -> bool:
    """Return whether a cell keeps a promise."""
    account = cell.account
    return {
        "work starts again": account.held == account.failed == 0
        and cell.never_again <= account.lost,
        "nothing is lost": account.lost == account.held == account.failed == 0,
        "none runs twice": account.twice_by_fault == account.twice_otherwise == 0,
        "workers resume": cell.resumed == cell.aimed and account.held == account.failed == 0,
    }[promise]


@pytest.mark.timeout(BOUND_S + 30)
@pytest.mark.parametrize("fault", PROMISES)
def test_poolwise_keeps_its_promise_in_every_pool(fault: str, tmp_path: Path) -> None:
    found = cells(tmp_path, "--fault", fault, "--settings", SETTINGS, "--kills", "2")
    assert {pool for _, pool, _ in found} == set(DEFAULT_POOLS)
    for one in found.values():
        assert one.hits > 0
        assert kept(PROMISES[fault], one), one
        if fault in NO_LOSS:
            assert one.account.lost == 0, one


@pytest.mark.timeout(BOUND_S + 30)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_however_it_ends_nothing_is_left(number: signal.Signals, tmp_path: Path) -> None:
    options = ("--fault", "redis-restart,kill-worker", "--pool", "prefork", "--seed", "1")
    with running("chaos", *options, folder=tmp_path) as command:
        command.until(lambda: _is_at_work(tmp_path, command))
        command.signal(number)
        assert command.ended() == (-9 if number == signal.SIGKILL else 128 + number)
        command.wait_for_descendants()


def _is_at_work(folder: Path, command: RunningCommand) -> bool:
    assert command.process.poll() is None, command.output()
    return any(ledger.stat().st_size for ledger in folder.glob("runs/*/*/ledger"))


@pytest.mark.timeout(BOUND_S + 30)
def test_if_a_worker_cannot_be_started_again_the_faults_until_then_count(tmp_path: Path) -> None:
    injected: list[Injected] = []

    def kill(trial: Trial) -> Injected:
        injected.append(FAULTS["kill-worker"].inject(trial))
        if len(injected) == 2:
            trial.spec = replace(trial.spec, launcher=(sys.executable, "-c", "raise SystemExit(1)"))
        return injected[-1]

    spec = CellSpec(
        pool=POOLS["threads"],
        fault=replace(FAULTS["kill-worker"], inject=kill),
        delivery=DELIVERIES["poolwise"],
        kills=5,
        seed=1,
        command="",
    )
    with LocalCluster(tmp_path) as cluster:
        cell = measure(spec, cluster, tmp_path, Stop(), lambda _spec, _number: None)
    assert (cell.aimed, cell.resumed) == (2, 1)
    assert cell.account.accounted == cell.account.submitted > 0
    [note] = cell.notes
    assert note.startswith(
        "stopped after 2 of 5 faults, because of this: the threads-kill-worker-poolwise-4 worker "
    )
    assert "\n" not in note
