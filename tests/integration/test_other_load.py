"""What other processes do during a race is measured, and weakens the verdict."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from cluster.machine_time import MachineShares, MachineTime, separate_trees
from lab.measure.other_load import OtherLoad
from lab.results import files as result_files
from lab.results.race import RaceResult
from tests.command import poolwise

BURN = [sys.executable, "-c", "while True: pass"]


@contextmanager
def burning(processes: int) -> Iterator[list[int]]:
    """Keep that many processes busy; yield their ids."""
    with ExitStack() as stack:
        pids = []
        for _ in range(processes):
            child = stack.enter_context(subprocess.Popen(BURN))
            stack.callback(child.kill)
            pids.append(child.pid)
        yield pids


@contextmanager
def burning_elsewhere() -> Iterator[None]:
    """Keep a process busy that is not in the tree of this process."""
    script = (
        "import subprocess as s;"
        f"print(s.Popen({BURN!r}, stdin=s.DEVNULL, stdout=s.DEVNULL, stderr=s.DEVNULL).pid)"
    )
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=True)
    try:
        yield
    finally:
        os.kill(int(done.stdout), signal.SIGKILL)


def test_the_trees_of_interest_are_not_others() -> None:
    with burning(1) as [child]:
        own = separate_trees(os.getpid(), child)
        assert own == {os.getpid()}  # the child is counted once
        before = MachineTime.read(own), MachineTime.read(frozenset())
        time.sleep(1.0)  # the stretch to measure
        after = MachineTime.read(own), MachineTime.read(frozenset())
        ran_s = after[0].own_s - before[0].own_s
        total_s = (after[0].work_s + after[0].idle_s + after[0].stolen_s) - (
            before[0].work_s + before[0].idle_s + before[0].stolen_s
        )
    without_ours = MachineShares.between(before[0], after[0])
    everything = MachineShares.between(before[1], after[1])
    assert without_ours is not None
    assert everything is not None
    assert ran_s > 0.1
    assert everything.others - without_ours.others == pytest.approx(ran_s / total_s, abs=0.1)


@dataclass(frozen=True, kw_only=True)
class SomeWorker:
    """A worker as far as `OtherLoad` looks at it."""

    pid: int | None
    same_machine: bool
    node: str = "w@h"
    queue: str = "q"
    start_up_s: float | None = None
    alive: bool = True

    def how_it_ended(self) -> str:
        return ""


def test_without_the_workers_processes_the_load_before_the_repeat_counts() -> None:
    # Started by a shell that ends at once, so that it is not in this process's tree.
    with burning_elsewhere():
        hidden = OtherLoad(SomeWorker(pid=None, same_machine=True))
        with hidden:
            assert hidden.shares is not None  # taken before the body
            assert hidden.shares.others > 0.05
    with OtherLoad(SomeWorker(pid=None, same_machine=False)) as far_away:
        pass
    assert far_away.shares is None


def test_a_race_on_a_busy_machine_names_no_winner(tmp_path: Path) -> None:
    with burning(2 * (os.cpu_count() or 1)):
        done = poolwise(
            "race", "--quick", "--workloads", "burn", "--pools", "prefork,threads",
            "--repeat", "2", cwd=tmp_path,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    [path] = tmp_path.glob("runs/*/result.json")
    [burn] = result_files.read(path, RaceResult).workloads
    for pool in burn.pools:
        for repeat in pool.repeats:
            assert repeat.others_cpu_share is not None
            assert 0.3 < repeat.others_cpu_share <= 1
            assert repeat.stolen_cpu_share is not None
    assert burn.verdict.winner is None
    assert not burn.verdict.reliable
    assert "No reliable answer: while " in done.stdout
    assert "fastest" not in done.stdout
    assert "other load" in done.stderr
