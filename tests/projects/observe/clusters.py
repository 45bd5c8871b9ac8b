"""Small clusters of a foreign project, each with one illness or none."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from celery import Celery

from cluster.discovery import RemoteControl
from cluster.local import LocalCluster, WorkerSpec
from cluster.process import Child
from cluster.wait import wait_until
from tasks.celery import app as tasks_app
from tests.paths import ROOT

PROJECT = """
import ctypes
import time
from celery import Celery
app = Celery("shop")

@app.task(name="shop.pause")
def pause(ms):
    time.sleep(ms / 1000)

@app.task(name="shop.block")
def block(ms):
    ctypes.CDLL(None).usleep(ms * 1000)

@app.task(name="shop.burn")
def burn(ms):
    end = time.thread_time() + ms / 1000
    while time.thread_time() < end:
        sum(range(1000))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Workers as (name, pool, slots, flags), and calls as (task, milliseconds, number)."""

    workers: Sequence[tuple[str, str, int, tuple[str, ...]]]
    calls: Sequence[tuple[str, int, int]]
    spread_s: float = 0.0  # over which the calls are due


LOADS = {
    "hoarding": Load(
        workers=(
            ("a", "prefork", 1, ("--prefetch-multiplier", "8")),
            ("b", "prefork", 1, ("--prefetch-multiplier", "8")),
        ),
        calls=(("shop.pause", 60_000, 1), ("shop.pause", 50, 12)),
    ),
    "blocked": Load(workers=(("g", "gevent", 100, ()),), calls=(("shop.block", 100, 600),)),
    "computing": Load(workers=(("t", "threads", 4, ()),), calls=(("shop.burn", 100, 300),)),
    "healthy": Load(
        workers=(("a", "prefork", 2, ()), ("g", "gevent", 20, ("--prefetch-multiplier", "2"))),
        calls=(("shop.pause", 20, 60),),
        spread_s=9.0,
    ),
}


@contextmanager
def cluster_with(name: str, folder: Path, *, probe: bool = True) -> Iterator[LocalCluster]:
    """Start the workers of a load on a broker of their own, and send its calls.

    Without the probe, they send task events.
    """
    load = LOADS[name]
    (folder / "shop.py").write_text(PROJECT)
    with LocalCluster(folder) as cluster:
        specs = [
            WorkerSpec(
                name=worker,
                pool=pool,
                concurrency=slots,
                queues=("celery",),
                broker_url=cluster.broker_url,
                app="shop",
                folder=folder,
                include=("worker.probe",) if probe else ("shop",),
                flags=flags,
                events=not probe,
                launcher=(sys.executable, "-m", "tests.projects.observe.preferred"),
                env={"PYTHONPATH": f"{folder}:{ROOT}"},
            )
            for worker, pool, slots, flags in load.workers
        ]
        if probe:
            cluster.start_workers(specs)
        else:
            _start_without_probe(cluster, specs)
        _send(load, cluster.broker_url)
        yield cluster


def _start_without_probe(cluster: LocalCluster, specs: Sequence[WorkerSpec]) -> None:
    for spec in specs:
        log = cluster.folder / f"worker-{spec.name}.log"
        child = Child(
            spec.name,
            spec.command(),
            log=log,
            registry=cluster.reaper,
            env=spec.environment(),
            cwd=spec.folder,
        )
        cluster.adopt(child)
    with RemoteControl(tasks_app, cluster.broker_url) as remote:
        wait_until(
            lambda: len(remote.ask("ping")) == len(specs),
            30,
            lambda: AssertionError(child.log_tail()),
        )


def _send(load: Load, broker_url: str) -> None:
    app = Celery("sender", broker=broker_url, set_as_current=False)
    for task, ms, number in load.calls:
        for place in range(number):
            app.send_task(task, args=(ms,), countdown=load.spread_s * place / number)
    app.close()
