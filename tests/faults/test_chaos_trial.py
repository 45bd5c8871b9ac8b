"""A trial on real workers: what it finds in its broker, which workers it replaces, and when."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
from celery import Celery

from cluster.local import LocalCluster
from cluster.wait import wait_until
from lab.chaos.cell import CellSpec, measure
from lab.chaos.fault_table import FAULTS
from lab.chaos.faults import shutdown
from lab.chaos.stop import Stop
from lab.chaos.trial.delivery import DELIVERIES
from lab.chaos.trial.injected import Injected
from lab.chaos.trial.leftovers import left_ids
from lab.chaos.trial.trial import QUEUE, SLOTS, Trial, TrialSpec, running_trial
from lab.results.chaos import ChaosCell
from tasks.errors import BrokerError, WorkerError
from worker.pools import POOLS

#: Seconds that what a test waits for may take on a busy machine.
SOON_S = 30.0
#: The folder of a cell of threads by Celery's defaults.
FOLDER = "threads-{}-defaults"


@contextmanager
def trial_of(folder: Path, **spec: Any) -> Iterator[Trial]:
    """Run a trial of threads in a folder, with more fields of its TrialSpec."""
    spec = {"pool": POOLS["threads"], "delivery": DELIVERIES["defaults"], **spec}
    with (
        LocalCluster(folder) as cluster,
        running_trial(
            TrialSpec(name="test", **spec), cluster, folder / "test", threading.Event()
        ) as trial,
    ):
        yield trial


def cell_of(
    folder: Path, fault: str, inject: Callable[[Trial], Injected], kills: int = 1, **fields: Any
) -> ChaosCell:
    """Measure a cell of threads by Celery's defaults, with other fields of a fault."""
    spec = CellSpec(
        pool=POOLS["threads"],
        fault=replace(FAULTS[fault], inject=inject, **fields),
        delivery=DELIVERIES["defaults"],
        kills=kills,
        seed=1,
        command="",
    )
    with LocalCluster(folder) as cluster:
        cell = measure(spec, cluster, folder, Stop(), lambda _spec, _number: None)
    assert cell.account.accounted == cell.account.submitted > 0
    return cell


def test_what_lease_workers_hold_and_what_waits_for_its_eta_is_still_in_the_broker(
    tmp_path: Path,
) -> None:
    tasks = 3 * SLOTS
    delivery = DELIVERIES["acks-late"].on("lease")
    with trial_of(tmp_path, delivery=delivery, workers=1, tasks=tasks, task_s=30) as trial:
        with Celery(broker=trial.broker.url, set_as_current=False) as client:
            client.conf.update(broker_transport="lease", task_default_queue=QUEUE)
            later = client.send_task("chaos.work", (0,), queue=QUEUE, countdown=600).id
        wait_until(
            lambda: not trial.broker.client.llen(QUEUE) and len(trial.book.open()) == tasks,
            SOON_S,
            lambda: AssertionError(f"{trial.broker.client.llen(QUEUE)} messages are not held"),
        )
        assert left_ids(trial.broker.client, QUEUE) == trial.book.open() | {later}


def test_only_a_worker_that_runs_no_tasks_is_replaced(tmp_path: Path) -> None:
    trials: list[Trial] = []
    healthy: list[int] = []
    interrupted: dict[str, float] = {}

    def stop_one(trial: Trial) -> Injected:
        stuck, running = trial.busy()
        at_s = time.monotonic()
        os.kill(stuck.child.pid, signal.SIGSTOP)
        trials.append(trial)
        healthy.extend(one.child.pid for one in trial.workers if one is not stuck)
        interrupted.update(trial.running_in(stuck))
        return Injected(at_s=at_s, until_s=time.monotonic(), hit=bool(running))

    cell = cell_of(tmp_path, "stall", stop_one, resume_s=3)
    [trial] = trials
    assert healthy[0] in [one.child.pid for one in trial.workers]
    assert len(trial.workers) == 2
    lines = trial.book.closed()[1]
    started, ended = (
        {line.task_id for line in lines if line.pid in healthy and line.event == event}
        for event in ("started", "ended")
    )
    assert started == ended != set()
    tasks = "1 task" if len(interrupted) == 1 else f"{len(interrupted)} tasks"
    assert cell.notes == (
        "a worker ran no task for 3 s after fault 1, so it was killed and replaced; "
        f"{tasks} had not ended in it",
    )


def test_a_worker_that_does_not_shut_down_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutdown, "SHUTDOWN_S", 1.0)
    stuck: set[str] = set()

    def shut_down(trial: Trial) -> Injected:
        usual_s, trial.feeder.task_s = trial.feeder.task_s, 5.0
        trial.until(lambda: _in_long_tasks(trial), SOON_S, "no worker runs long tasks")
        trial.feeder.task_s = usual_s
        injected = FAULTS["warm-shutdown"].inject(trial)
        stuck.update(injected.interrupted)
        return injected

    cell = cell_of(tmp_path, "warm-shutdown", shut_down)
    assert (cell.aimed, cell.hits, cell.resumed) == (1, 1, 1)
    assert cell.notes == ("in fault 1, a worker did not end within 1 s, so it was killed",)
    assert len(stuck) == SLOTS
    assert stuck <= set(
        (tmp_path / FOLDER.format("warm-shutdown") / "lost.txt").read_text().split()
    )


def _in_long_tasks(trial: Trial) -> bool:
    """Return whether all slots of all workers run tasks that take longer than the usual ones."""
    before_s = time.monotonic() - 0.5
    running = [one for worker in trial.workers for one in trial.running_in(worker).values()]
    return sum(at_s < before_s for at_s in running) == SLOTS * len(trial.workers)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (WorkerError("no worker"), "no worker"),
        (BrokerError("no broker"), "no broker"),
        (redis.ConnectionError("gone"), "lost the connection to the broker: "),
        (psutil.NoSuchProcess(1), "a process has ended, or cannot be examined: "),
    ],
    ids=lambda one: type(one).__name__,
)
def test_if_a_fault_fails_the_ones_before_it_count(
    error: Exception, why: str, tmp_path: Path
) -> None:
    injected: list[Injected] = []

    def fail(trial: Trial) -> Injected:
        if injected:
            raise error
        injected.append(FAULTS["script-flush"].inject(trial))
        return injected[-1]

    cell = cell_of(tmp_path, "script-flush", fail, kills=3)
    assert (cell.aimed, cell.resumed) == (1, 1)
    [note] = cell.notes
    begin = (
        "stopped after 1 of 3 faults; the next one failed, and may have done harm that is in the"
    )
    assert note.startswith(f"{begin} account: {why}")


def test_tasks_that_were_fetched_before_a_fault_do_not_show_that_workers_are_connected(
    tmp_path: Path,
) -> None:
    resume_s = 3.0
    thawing: list[threading.Timer] = []

    def cut_and_freeze(trial: Trial) -> Injected:
        injected = FAULTS["client-kill"].inject(trial)
        trial.broker.freeze()
        thawing.append(threading.Timer(2 * resume_s, trial.broker.thaw))
        thawing[0].start()
        return replace(injected, until_s=time.monotonic())

    cell = cell_of(tmp_path, "client-kill", cut_and_freeze, resume_s=resume_s)
    thawing[0].join()
    assert (cell.aimed, cell.hits, cell.resumed) == (1, 1, 0)
    assert cell.last_again_s == ()
    [note] = cell.notes
    assert note.startswith("2 workers ran no new task for 3 s after fault 1, so they were killed")
