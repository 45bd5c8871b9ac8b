"""The repeats of a workload do not disturb each other, also if a worker dies or is too slow."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery

from cluster.discovery import discover_workers
from cluster.local import WorkerSpec
from lab.measure.calibrate import Bare, calibrate
from lab.measure.repeat import RepeatSpec, measure
from lab.measure.traits import Traits
from lab.project.sending import stub
from lab.race.race_options import RaceOptions
from lab.race.repeats import Race, measure_workload
from lab.results.race import Repeat
from lab.session.borrowed import BorrowedWorkers
from lab.session.protocols import PoolConfig
from lab.session.started import StartedWorkers
from producer.plan import Work, burst
from producer.records import Record, RecordReader
from tests.shared_session import SharedSession
from worker.pools import POOLS

SOLO = PoolConfig(pool=POOLS["solo"], concurrency=1)
#: An app whose task is slow when it runs for the first time in a process.
SLOW_AT_FIRST = """
import time
from celery import Celery
app = Celery("slow")
ran = []

@app.task(name="slow.at_first")
def at_first():
    time.sleep(0.05 if ran else 1.0)
    ran.append(True)
"""


def of_slow(folder: Path) -> Callable[[WorkerSpec], WorkerSpec]:
    """Return what makes a worker one of the app that is slow at first."""
    (folder / "slow.py").write_text(SLOW_AT_FIRST)
    return lambda spec: replace(spec, app="slow", include=("worker.probe",), folder=folder)


def iterations_of(seconds: float) -> int:
    """Return how many iterations of `cpu.burn` take about so many seconds of CPU."""
    return round(calibrate().burn_iterations_per_ms * 1_000 * seconds)


def records(reader: RecordReader) -> list[Record]:
    """Return what was recorded until now, and perhaps a little more."""
    found: list[Record] = []
    until = time.monotonic() + 1.0
    while time.monotonic() < until and (batches := reader.read(0.5)):
        found += [one for batch in batches for one in batch.records]
    return found


def raced(
    shared: SharedSession,
    workers: StartedWorkers,
    work: Work,
    running: Callable[[int], None] = lambda _number: None,
    *,
    warm_up: Work,
    app: Celery | None = None,
) -> tuple[Repeat, ...]:
    """Measure two repeats of five tasks on a solo worker, which `warm_up` has run before."""

    def nothing(*_: object) -> None:
        pass

    options = RaceOptions(
        pools=(SOLO.pool,),
        concurrency={},
        workloads=("slow",),
        repeats=2,
        seed=1,
        quick=True,
        with_results=False,
        with_events=False,
        broker_url=None,
        out=shared.cluster.folder,
    )
    subject: Any = SimpleNamespace(
        app=app,
        configs=lambda _workload: [SOLO],
        bare=lambda _workload: Bare(wall_s=0.0, cpu_s=0.0),
        tidy=nothing,
    )
    events: Any = SimpleNamespace(
        starting=nothing,
        workload=nothing,
        measured=nothing,
        running=lambda _config, number, _progress: running(number),
    )
    workload: Any = SimpleNamespace(
        kind=Traits(name="slow", title="Slow", nature="io"),
        name="slow",
        count=5,
        task=work.task,
        label=work.task,
        digest="",
        plan=lambda: burst(work, 5),
        warm_up_plan=lambda slots: burst(warm_up, slots),
    )
    race = Race(
        options=options, session=shared.session, subject=subject, workers=workers, events=events
    )
    [pool] = measure_workload(race, workload)[0].pools
    return pool.repeats


def test_a_worker_that_replaces_a_dead_one_is_warmed_up(
    shared: SharedSession, tmp_path: Path
) -> None:
    session = shared.session
    workers = StartedWorkers(session.cluster, session.queues.part("cold"), adapt=of_slow(tmp_path))

    def kill_in_the_first(number: int) -> None:
        if number == 1 and workers[SOLO].alive:
            os.kill(workers[SOLO].pid or 0, signal.SIGKILL)

    work = Work(task="slow.at_first")
    app = stub({work.task})
    broken, whole = raced(shared, workers, work, kill_in_the_first, warm_up=work, app=app)
    assert broken.worker_died == "killed by SIGKILL"
    assert whole.account.finished == 5
    assert max(whole.service_s) < 1.0
    workers.prepare((), lambda _ready, _of: None)


def test_nothing_of_a_repeat_that_timed_out_runs_in_the_next_one(
    shared: SharedSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.race.repeats.PATIENCE_S", 1.0)
    session, reader = shared.session, RecordReader(shared.session.records)
    workers = StartedWorkers(session.cluster, session.queues.part("slow"))
    begun: list[float] = []
    pids: list[int | None] = []

    def begin(number: int) -> None:
        if number > len(begun):
            begun.append(time.monotonic() + session.clock.offset_s)
            pids.append(workers[SOLO].pid)

    burning = Work(task="cpu.burn", args=(iterations_of(1.0),))
    both = raced(shared, workers, burning, begin, warm_up=Work(task="io.sleep", args=(0.01,)))
    workers.prepare((), lambda _ready, _of: None)
    assert both[0].account.timed_out > 0
    first = [one.finished for one in records(reader) if (one.run or "").endswith(".1")]
    assert all(finished < begun[1] for finished in first)
    assert both[1].others == 0
    assert pids[0] != pids[1]


def test_a_borrowed_worker_ends_what_a_repeat_has_left(shared: SharedSession) -> None:
    running = shared.worker("solo")
    found = next(w for w in discover_workers(shared.session.remote) if w.node == running.spec.node)
    queues = shared.session.queues.part("lent")
    workers = BorrowedWorkers(shared.session.remote, queues, {"solo": found})
    workers.prepare([SOLO], lambda _ready, _of: None)
    plan = burst(Work(task="io.sleep", args=(1.0,)), 5)
    spec = RepeatSpec(run="slow", plan=plan, timeout_s=1.0)
    reader = RecordReader(shared.session.records)
    try:
        measured = measure(shared.session, workers[SOLO], spec)
        assert measured.left
        workers.clear(SOLO, measured.left)
        cleared = time.monotonic() + shared.session.clock.offset_s
    finally:
        workers.close()
    ends = {one.task_id: one.finished for one in records(reader)}
    assert all(ends[task_id] < cleared for task_id in measured.left)


def test_a_worker_that_died_after_its_last_repeat_is_not_kept(shared: SharedSession) -> None:
    session = shared.session
    workers = StartedWorkers(session.cluster, session.queues.part("kept"))
    for _ in range(2):
        workers.prepare([SOLO], lambda _ready, _of: None)
        assert workers[SOLO].alive
        workers[SOLO].child.kill()
    workers.prepare((), lambda _ready, _of: None)
