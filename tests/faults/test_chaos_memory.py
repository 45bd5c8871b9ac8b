"""A task that is killed for memory really is, without harm to others; the group is removed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from cluster.reaper import Reaper, remove_control_group
from cluster.wait import wait_until
from lab.chaos.faults import control_group
from lab.chaos.faults.control_group import LIMIT
from lab.chaos.faults.tasks import MOST_BYTES
from lab.results.chaos import ChaosCell, ChaosResult
from lab.results.files import read
from tasks.chaos.ledger import Reader
from tests.command import poolwise, running
from tests.paths import ROOT
from tests.unit.lab.chaos.at_once import THREADS, at_once

#: Runs the task outside a worker; it prints what happened if the process survives.
TASK = """
import sys
from tasks.chaos.deaths import out_of_memory
out_of_memory.push_request(id="a")
try:
    out_of_memory.run(sys.argv[1], int(sys.argv[2]))
except RuntimeError as error:
    print(error)
"""


def groups() -> list[Path]:
    """Return all control groups of Poolwise on this machine."""
    return [one for one in Path("/sys/fs/cgroup").rglob("poolwise-*") if one.is_dir()]


@pytest.fixture
def group() -> Iterator[Path]:
    """Make a control group."""
    assert control_group.why_none() == ""
    reaper = Reaper()
    try:
        yield control_group.create(f"poolwise-test-{uuid4().hex[:8]}", reaper)
    finally:
        reaper.close()


def test_threads_may_try_at_the_same_time_whether_a_group_can_be_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, barrier = control_group.create, threading.Barrier(THREADS)

    def create(name: str, reaper: Reaper) -> Path:
        barrier.wait(20)
        try:
            return made(name, reaper)
        finally:
            barrier.wait(20)

    monkeypatch.setattr(control_group, "create", create)
    try_it = control_group.why_none.__wrapped__  # type: ignore[attr-defined]
    assert at_once(try_it) == {""}
    assert not [one for one in groups() if "try" in one.name]


def fill(group: Path, ledger: Path, most_bytes: int) -> subprocess.CompletedProcess[str]:
    """Run the task in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", TASK, str(group), str(most_bytes)],
        cwd=ROOT,
        env={**os.environ, "POOLWISE_LEDGER": str(ledger)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_kernel_kills_what_exceeds_the_limit(group: Path, tmp_path: Path) -> None:
    done = fill(group, tmp_path / "ledger", MOST_BYTES)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "")


def test_a_task_that_is_not_killed_stops_by_itself(group: Path, tmp_path: Path) -> None:
    done = fill(group, tmp_path / "ledger", LIMIT // 2)
    assert (done.returncode, done.stdout) == (0, "16,777,216 bytes did not end this process\n")


def test_only_the_first_run_fills_memory(group: Path, tmp_path: Path) -> None:
    fill(group, tmp_path / "ledger", MOST_BYTES)
    again = fill(group, tmp_path / "ledger", MOST_BYTES)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    events = [line.event for line in Reader(tmp_path / "ledger").new()]
    assert events == ["started", "started", "ended"]


def test_a_group_is_removed_when_its_owner_is_killed() -> None:
    owner = (
        "import sys, time; from cluster.reaper import Reaper; "
        "from lab.chaos.faults import control_group;"
        "print(control_group.create(sys.argv[1], Reaper()), flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", owner, f"poolwise-test-{uuid4().hex[:8]}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        made = Path(process.stdout.readline().strip())
        assert made.is_dir()
        process.kill()
    wait_until(lambda: not made.exists(), 10, lambda: AssertionError(f"{made} is left"))


def test_a_group_whose_process_has_just_been_killed_can_be_removed(
    group: Path, tmp_path: Path
) -> None:
    fill(group, tmp_path / "ledger", MOST_BYTES)
    remove_control_group(group)
    assert not group.exists()


def cells(folder: Path) -> dict[tuple[str, str], ChaosCell]:
    """Return the cells of the only run in a folder."""
    [result] = folder.glob("runs/*/result.json")
    return {(one.fault, one.pool): one for one in read(result, ChaosResult).cells}


def lost_at_most(fault: str) -> int:
    """Return how many tasks a fault may cost under prefork, with late acknowledgement.

    After a MemoryError, the whole worker ends or hangs. Redis may have given it one more message
    by then: kombu takes them one at a time, and notes each only after it has arrived.
    """
    return 1 if fault == "memory-error" else 0


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_every_fault_of_a_task_hits_what_it_should(pool: str, tmp_path: Path) -> None:
    faults = ("exit", "segfault", "memory-kill", "memory-error")
    options = ("--pool", pool, "--settings", "reject-on-lost", "--kills", "1", "--seed", "1")
    done = poolwise("chaos", "--fault", ",".join(faults), *options, cwd=tmp_path, timeout_s=110)
    found = cells(tmp_path)
    for fault in faults:
        cell = found[fault, pool]
        assert (cell.hits, cell.skipped) == (1, ""), done.stdout
        assert cell.account.accounted == cell.account.submitted
        if pool == "prefork":  # one slot's process died, and its task was kept
            assert cell.account.lost <= lost_at_most(fault), done.stdout
    assert groups() == []


def test_no_group_is_left_when_a_run_is_killed(tmp_path: Path) -> None:
    options = ("--pool", "prefork", "--settings", "defaults", "--kills", "50", "--seed", "1")
    with running("chaos", "--fault", "memory-kill", *options, folder=tmp_path) as run:
        run.until(groups)
        run.signal(signal.SIGKILL)
        run.ended()
        run.wait_for_descendants()
    wait_until(lambda: not groups(), 10, lambda: AssertionError(f"left: {groups()}"))
