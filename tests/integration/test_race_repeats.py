"""The repeats of a workload do not disturb each other, also if a worker dies or is too slow."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cluster.local import WorkerSpec
from lab.measure.calibrate import Bare
from lab.measure.traits import Traits
from lab.project.sending import stub
from lab.race.race_options import RaceOptions
from lab.race.repeats import Race, measure_workload
from lab.results.race import Repeat
from lab.session.protocols import PoolConfig
from lab.session.started import StartedWorkers
from producer.plan import Work, burst
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


def raced(
    shared: SharedSession,
    workers: StartedWorkers,
    work: Work,
    running: Callable[[int], None] = lambda _number: None,
    *,
    warm_up: Work,
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
        app=stub({work.task, warm_up.task}),
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
    broken, whole = raced(shared, workers, work, kill_in_the_first, warm_up=work)
    assert broken.worker_died == "killed by SIGKILL"
    assert whole.account.finished == 5
    assert max(whole.service_s) < 1.0
    workers.prepare((), lambda _ready, _of: None)


def test_a_worker_that_died_after_its_last_repeat_is_not_kept(shared: SharedSession) -> None:
    session = shared.session
    workers = StartedWorkers(session.cluster, session.queues.part("kept"))
    for _ in range(2):
        workers.prepare([SOLO], lambda _ready, _of: None)
        assert workers[SOLO].alive
        workers[SOLO].child.kill()
    workers.prepare((), lambda _ready, _of: None)
