"""If a worker dies during a race, the race reports it, finishes and accounts for all tasks."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import redis

from lab.format import words
from lab.measure.repeat import RepeatSpec, measure
from lab.measure.scale import QUICK
from lab.results import files as result_files
from lab.results.race import RaceResult
from lab.session.started import StartedWorker
from producer.plan import Work, burst
from tests.command import RunningCommand, running
from tests.shared_session import SharedSession
from worker.pools import DEFAULT_POOLS

RACE = ("race", "--quick", "--repeat", "2", "--workloads", "sleep", "--seed", "3")
SLOTS = 10
WARM_UP = 2 * SLOTS
TASKS = QUICK.waits


def worker_of(race: RunningCommand, pool: str) -> psutil.Process:
    """Find the main process of a pool's worker among the processes of the race."""
    for process in race.descendants():
        try:
            if pool in process.cmdline() and process.parent() == psutil.Process(race.process.pid):
                return process
        except psutil.NoSuchProcess:
            continue
    pytest.fail(f"no {pool} worker\n{race.output()}")


@pytest.mark.parametrize("pool", DEFAULT_POOLS)
def test_a_killed_worker_is_reported_and_the_race_finishes(pool: str, tmp_path: Path) -> None:
    options = ("--pools", pool, "--concurrency", f"{pool}={SLOTS}")
    with running(*RACE, *options, folder=tmp_path) as race:
        race.until(lambda: "sleep ·" in race.output())
        victim = worker_of(race, pool)
        race.until(_repeat_is_running(tmp_path))
        os.kill(victim.pid, signal.SIGKILL)
        assert race.ended() == 0, race.output()
        [run] = (tmp_path / "runs").iterdir()
        output = race.output()
        race.wait_for_descendants()
    [workload] = result_files.read(run / "result.json", RaceResult).workloads
    broken, whole = workload.pools[0].repeats
    account = broken.account
    assert broken.worker_died == "killed by SIGKILL"
    assert words.accounted(account) == account.submitted == workload.tasks_per_repeat
    assert account.lost + account.unserved > 0
    assert len(account.lost_ids) == account.lost
    assert whole.account.finished == whole.account.submitted
    assert "worker died: killed by SIGKILL" in output
    assert "repeat 1 is not ranked, because the worker died" in " ".join(output.split())


def _repeat_is_running(folder: Path) -> Callable[[], bool]:
    """Check that a measured repeat is running: more tasks are queued than for the warm-up."""

    def opened() -> bool:
        [log] = folder.glob("runs/*/broker.log")
        port = int(log.read_text().split("port=")[1].split(".")[0])
        with redis.Redis(port=port) as server:
            waiting = [int(server.llen(key)) for key in server.scan_iter("poolwise-*.1")]
        return bool(waiting) and WARM_UP < waiting[0] <= TASKS - SLOTS

    return opened


def test_killing_a_prefork_child_loses_no_task(shared: SharedSession) -> None:
    worker = shared.worker("prefork")
    plan = burst(Work(task="io.sleep", args=(0.5,)), 6)
    killed: list[int] = []

    def kill_one(_progress: object) -> None:
        if not killed:
            child = psutil.Process(worker.child.pid).children()[0]
            killed.append(child.pid)
            child.kill()

    spec = RepeatSpec(run="slot", plan=plan, timeout_s=60)
    account = measure(shared.session, StartedWorker(worker), spec, kill_one).repeat.account
    assert killed
    assert account.finished == account.submitted == 6
