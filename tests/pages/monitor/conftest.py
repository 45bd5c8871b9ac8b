"""A cluster whose broker and Flower the tests may restart, viewed in a browser."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import pytest
from playwright.sync_api import Page

from cluster.broker import start_broker
from cluster.local import LocalCluster, RunningWorker, WorkerSpec
from cluster.ports import free_port
from cluster.process import Child
from cluster.reaper import Reaper
from cluster.wait import wait_until
from producer.ledger import Ledger, LedgerTotals
from producer.plan import Plan, Work
from producer.records import Clock, RecordReader
from producer.submit import SubmitOptions, Submitter
from tasks.celery import app
from tests.chromium import Visit, listening
from worker.pools import DEFAULT_POOLS, POOLS

SLOTS = {"prefork": 2, "threads": 4, "gevent": 20}
WORKS = {
    "prefork": Work(task="cpu.burn", args=(20_000,)),
    "threads": Work(task="io.sleep", args=(0.02,)),
    "gevent": Work(task="io.sleep", args=(0.05,)),
}
BOUND_S = 20.0

Theme = Literal["light", "dark"]


@dataclass(slots=True)
class Watched:
    """The cluster under test, with a Flower to watch it."""

    cluster: LocalCluster
    workers: dict[str, RunningWorker]
    broker: Child
    broker_port: int
    flower: Child
    flower_port: int
    url: str
    registry: Reaper

    def restart_broker(self) -> None:
        """Restart the broker on the same port, empty."""
        self.broker, _ = start_broker(self.cluster.folder, self.registry, self.broker_port)

    def restart_flower(self) -> None:
        """Restart Flower on the same port."""
        self.flower, self.url = self.cluster.start_flower(self.flower_port)

    def run(self, seconds: float, rate_per_s: dict[str, float]) -> dict[str, LedgerTotals]:
        """Load each pool at a steady rate and return the closed ledgers once all tasks finished."""
        clock, reader = Clock.read(self.cluster.redis), RecordReader(self.cluster.redis)
        runs = {pool: str(uuid4()) for pool in rate_per_s}
        ledgers = {pool: Ledger(run) for pool, run in runs.items()}

        def unfinished() -> int:
            for batch in reader.read(0.05):
                for ledger in ledgers.values():
                    ledger.enter(batch.records)
            return sum(ledger.open for ledger in ledgers.values())

        with app.connection_for_write(self.cluster.broker_url) as connection:
            submitter = Submitter(app, connection, clock)
            for second in range(max(1, round(seconds))):
                length_s = min(1.0, seconds - second)
                for pool, rate in rate_per_s.items():
                    count = round(rate * length_s)
                    share_s = 0.9 * length_s / len(rate_per_s)
                    due = tuple(share_s * n / count for n in range(count))
                    options = SubmitOptions(run=runs[pool], queue=pool)
                    plan = Plan(work=WORKS[pool], due_s=due)
                    ledgers[pool].submit(submitter.submit(plan, options).ids)
                unfinished()  # read often: the stream is kept for only a minute

        while left := unfinished():  # a slow machine may need longer, as long as tasks finish
            wait_until(
                lambda: unfinished() < left,
                BOUND_S,
                lambda: AssertionError(f"{left} tasks have not finished"),
            )
        return {
            pool: ledger.close(waiting=(), worker_alive=True) for pool, ledger in ledgers.items()
        }

    def data(self, **words: str) -> dict[str, Any]:
        """Request the page's data."""
        query = "&".join(f"{name}={word}" for name, word in words.items())
        address = f"{self.url}/throughput/data?{query}"
        with urllib.request.urlopen(address, timeout=5) as reply:  # noqa: S310 - our own Flower
            found: dict[str, Any] = json.load(reply)
        return found


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Start a broker, a worker for each pool, and Flower; stop them all at the end."""
    app.loader.import_default_modules()
    folder: Path = tmp_path_factory.mktemp("watched")
    registry, port = Reaper(), free_port()
    broker, url = start_broker(folder, registry, port)
    try:
        with LocalCluster(folder, url) as cluster:
            specs = [
                WorkerSpec(
                    name=pool,
                    pool=pool,
                    concurrency=SLOTS[pool],
                    queues=(pool,),
                    broker_url=url,
                    flags=POOLS[pool].flags,
                )
                for pool in DEFAULT_POOLS
            ]
            workers = cluster.start_workers(specs)
            flower_port = free_port()
            flower, flower_url = cluster.start_flower(flower_port)
            found = Watched(
                cluster=cluster,
                workers={worker.spec.pool: worker for worker in workers},
                broker=broker,
                broker_port=port,
                flower=flower,
                flower_port=flower_port,
                url=flower_url,
                registry=registry,
            )
            yield found
            for worker in workers:
                worker.child.kill()
            found.broker.kill()
    finally:
        registry.close()


@dataclass(slots=True)
class LiveVisit(Visit):
    """A visit to the live page."""

    def wait(self, state: str, timeout_s: float = BOUND_S) -> None:
        """Wait until the page is in `state`: live, reconnecting, waiting, or paused."""
        self.page.wait_for_selector(
            f"#throughput[data-state={state}]", state="attached", timeout=timeout_s * 1e3
        )

    def wait_for(self, expression: str, timeout_s: float = BOUND_S) -> None:
        """Wait until a JavaScript expression is true."""
        self.page.wait_for_function(expression, timeout=timeout_s * 1e3)


OpenPage = Callable[..., LiveVisit]


@pytest.fixture
def open_page(page: Page) -> Iterator[OpenPage]:
    """Return a function that opens a page in a given width and theme."""
    with ExitStack() as stack:

        def open_it(url: str, width_px: int = 1280, theme: Theme = "light") -> LiveVisit:
            page.set_viewport_size({"width": width_px, "height": 900})
            page.emulate_media(color_scheme=theme)
            seen = LiveVisit(page=page)
            stack.enter_context(listening(seen))
            page.goto(url)
            return seen

        yield open_it
