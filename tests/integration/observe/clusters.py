"""Small clusters of a foreign project, each with one illness or none."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from celery import Celery

from cluster.local import LocalCluster, WorkerSpec
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
    "blocked": Load(workers=(("g", "gevent", 100, ()),), calls=(("shop.block", 100, 300),)),
    "computing": Load(workers=(("t", "threads", 4, ()),), calls=(("shop.burn", 100, 300),)),
    "healthy": Load(
        workers=(("a", "prefork", 2, ()), ("g", "gevent", 20, ("--prefetch-multiplier", "2"))),
        calls=(("shop.pause", 20, 60),),
        spread_s=9.0,
    ),
}


@contextmanager
def cluster_with(name: str, folder: Path, *, events: bool = False) -> Iterator[LocalCluster]:
    """Start the workers of a load on a broker of their own, and send its calls."""
    load = LOADS[name]
    (folder / "shop.py").write_text(PROJECT)
    with LocalCluster(folder) as cluster:
        cluster.start_workers(
            [
                WorkerSpec(
                    name=worker,
                    pool=pool,
                    concurrency=slots,
                    queues=("celery",),
                    broker_url=cluster.broker_url,
                    app="shop",
                    folder=folder,
                    include=("worker.probe",),
                    flags=flags,
                    events=events,
                    launcher=(sys.executable, "-m", "tests.integration.observe.preferred"),
                    env={"PYTHONPATH": f"{folder}:{ROOT}"},
                )
                for worker, pool, slots, flags in load.workers
            ]
        )
        app = Celery("sender", broker=cluster.broker_url, set_as_current=False)
        for task, ms, number in load.calls:
            for place in range(number):
                app.send_task(task, args=(ms,), countdown=load.spread_s * place / number)
        app.close()
        yield cluster
