"""Workers and queues of a project are found behind the project's transport options."""

from __future__ import annotations

import json
import shlex
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from cluster.discovery import RemoteControl
from cluster.flower import config_file
from cluster.local import LocalCluster, WorkerSpec
from cluster.ports import free_port
from cluster.process import Child
from cluster.reaper import Reaper
from cluster.wait import wait_until
from lab.results import files as result_files
from lab.results.race import RaceResult
from lab.session.lease import Lease, remove_dead
from producer import broker
from tests.command import POOLWISE, poolwise
from tests.paths import ROOT

PROJECT = """
import time
from celery import Celery
app = Celery("shop", broker=BROKER)
app.conf.broker_transport_options = OPTIONS

@app.task(name="shop.pay", acks_late=True)
def pay(seconds):
    time.sleep(seconds)

if __name__ == "__main__":
    app.worker_main(["worker", "-P", "solo", "-n", "program@shop", "-I", "worker.startup",
                     "--without-gossip", "--without-mingle", "-Q", "program"])
"""
OPTIONS: dict[str, Any] = {
    "global_keyprefix": "shop:",
    "priority_steps": list(range(10)),
    "sep": ":",
    "fanout_prefix": "/shop.",
}
AS_JSON = json.dumps(OPTIONS)
CELERY = [sys.executable, "-m", "celery"]
WAITING = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A foreign project with a broker."""

    folder: Path
    cluster: LocalCluster
    registry: Reaper

    def start(self, name: str, *command: str, **env: str) -> Child:
        """Start a program of the project."""
        child = Child(
            name,
            command,
            log=self.folder / f"{name}.log",
            registry=self.registry,
            env={"PYTHONPATH": f"{self.folder}:{ROOT}", **env},
        )
        self.cluster.adopt(child)
        return child

    def start_worker(self, name: str, *flags: str) -> Child:
        """Start a worker of the project, and wait until it is ready."""
        quiet = ("--without-gossip", "--without-mingle", "-I", "worker.startup,worker.probe")
        line = (
            *CELERY,
            "-A",
            "shop",
            "worker",
            "-l",
            "INFO",
            "-P",
            "threads",
            "-n",
            f"{name}@shop",
        )
        child = self.start(name, *line, *quiet, *flags)
        wait_until(
            lambda: " ready." in child.log.read_text(),
            30,
            lambda: AssertionError(child.log_tail()),
        )
        return child

    def send(self, queue: str, seconds: int, priority: int) -> None:
        """Send a task as the project does."""
        app = Celery("sender", broker=self.cluster.broker_url, set_as_current=False)
        app.conf.broker_transport_options = OPTIONS
        app.send_task("shop.pay", args=(seconds,), queue=queue, priority=priority)
        app.close()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder, registry = tmp_path_factory.mktemp("shop"), Reaper()
    with LocalCluster(folder) as cluster:
        text = PROJECT.replace("BROKER", repr(cluster.broker_url)).replace("OPTIONS", repr(OPTIONS))
        (folder / "shop.py").write_text(text)
        yield Shop(folder=folder, cluster=cluster, registry=registry)
    registry.close()


@pytest.fixture(scope="module")
def worker(shop: Shop) -> Child:
    return shop.start_worker("w", "-c", "2", "-Q", "paid")


def ways(shop: Shop) -> dict[str, tuple[list[str], dict[str, str]]]:
    url = shop.cluster.broker_url
    return {
        "app": (["-A", "shop"], {}),
        "app, variable": ([], {"POOLWISE_APP": "shop"}),
        "app, another default": (["-A", "shop"], {"CELERY_BROKER_URL": url}),
        "options": (["--broker", url, "--transport-options", AS_JSON], {}),
        "variables": ([], {"POOLWISE_BROKER": url, "POOLWISE_BROKER_OPTIONS": AS_JSON}),
        "app and option": (["-A", "shop", "--transport-options", '{"sep": ":"}'], {}),
    }


WAYS = ["app", "app, variable", "app, another default", "options", "variables", "app and option"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.usefixtures("worker")
def test_workers_lists_the_projects_workers(shop: Shop, way: str) -> None:
    words, env = ways(shop)[way]
    done = poolwise("workers", "--json", *words, cwd=shop.folder, env=env)
    assert done.returncode == 0, done.stderr
    assert [worker["node"] for worker in json.loads(done.stdout)] == ["w@shop"]


@pytest.mark.usefixtures("worker")
def test_without_the_options_the_error_names_them(shop: Shop) -> None:
    done = poolwise("workers", "--broker", shop.cluster.broker_url)
    assert done.returncode == 4
    [line] = done.stderr.splitlines()
    assert "-A PROJECT or --transport-options" in line
    other = ("--transport-options", '{"global_keyprefix": "shopp:"}')
    done = poolwise("workers", "--broker", shop.cluster.broker_url, *other)
    assert done.returncode == 4
    assert (
        'with the transport options {"global_keyprefix": "shopp:"}: if yours are busy'
        in done.stderr
    )


@pytest.mark.parametrize(("way", "slots"), [("app", "3"), ("options", "4")])
def test_switch_changes_the_projects_worker(
    shop: Shop, worker: Child, way: str, slots: str
) -> None:
    words, env = ways(shop)[way]
    line = ("switch", "w", "--pool", "threads", "--concurrency", slots)
    done = poolwise(*line, *words, cwd=shop.folder, env=env)
    assert done.returncode == 0, done.stderr + worker.log_tail()
    assert f"after    w@shop   threads ×{slots}" in done.stdout


@pytest.mark.usefixtures("worker")
def test_a_worker_inside_a_program_cannot_be_switched_and_workers_says_so(shop: Shop) -> None:
    program = shop.start("program", sys.executable, str(shop.folder / "shop.py"))

    def listed() -> dict[str, bool]:
        done = poolwise("workers", "--json", "-A", "shop", cwd=shop.folder)
        return {worker["node"]: worker["switchable"] for worker in json.loads(done.stdout)}

    wait_until(lambda: "program@shop" in listed(), 30, lambda: AssertionError(program.log_tail()))
    assert listed() == {"program@shop": False, "w@shop": True}
    line = ("switch", "program", "--pool", "threads", "-A", "shop")
    done = poolwise(*line, cwd=shop.folder)
    assert done.returncode == 2
    assert "not a celery worker's command line" in done.stderr
    shop.cluster.stop([program], grace_s=1)


@pytest.fixture(scope="module")
def waiting(shop: Shop) -> dict[str, int]:
    """Return the depth of a queue whose worker is busy."""
    shop.start_worker("busy", "-c", "1", "--prefetch-multiplier", "1", "-Q", "waiting")
    shop.send("waiting", 600, 0)
    server = shop.cluster.redis
    held = "shop:unacked*"  # a hash for each worker, if it loads `worker.startup`
    wait_until(
        lambda: any(server.scan_iter(held, _type="hash")), 10, lambda: AssertionError("not taken")
    )
    for number in range(WAITING):
        shop.send("waiting", 600, number % 10)
    return {"waiting": WAITING}


@pytest.mark.parametrize("way", ["app", "address", "poolwise"])
def test_the_page_counts_the_messages_that_wait(
    shop: Shop, waiting: dict[str, int], way: str
) -> None:
    port = free_port()
    served = ("flower", f"--conf={config_file()}", "--address=127.0.0.1", f"--port={port}")
    line, env = {
        "app": ([*CELERY, "-A", "shop", *served], {}),
        "address": (
            [*CELERY, "-b", shop.cluster.broker_url, *served],
            {"POOLWISE_BROKER_OPTIONS": AS_JSON},
        ),
        "poolwise": ([POOLWISE, "flower", f"--port={port}", "-A", "shop"], {}),
    }[way]
    flower = shop.start(f"flower-{way}", *line, **env)
    seen: dict[str, Any] = {}

    def queues() -> dict[str, int]:
        with suppress(OSError):
            address = f"http://127.0.0.1:{port}/throughput/data?range_s=60&by=pool"
            with urllib.request.urlopen(address, timeout=3) as reply:
                seen.update(json.load(reply)["recent"])
        return dict(seen.get("queues", {}))

    wait_until(
        lambda: waiting.items() <= queues().items(),
        30,
        lambda: AssertionError(f"{seen}\n{flower.log_tail()}"),
    )
    shop.cluster.stop([flower], grace_s=2)


@pytest.mark.parametrize("on", ["--on-running", "--on-new"])
def test_a_race_uses_the_options_and_repeats_them(shop: Shop, on: str, tmp_path: Path) -> None:
    [runner] = shop.cluster.start_workers(
        [
            WorkerSpec(
                name="runner",
                pool="threads",
                concurrency=2,
                queues=("runner",),
                broker_url=shop.cluster.broker_url,
                env={"POOLWISE_BROKER_OPTIONS": AS_JSON},
            )
        ]
    )
    quick = ("--quick", "--pools", "threads", "--workloads", "burn", "--out", str(tmp_path))
    done = poolwise("race", on, *quick, "-A", "shop", cwd=shop.folder)
    assert done.returncode == 0, done.stderr
    [path] = tmp_path.glob("*-race/result.json")
    result = result_files.read(path, RaceResult)
    assert result.settings.workers == (("runner@poolwise",) if on == "--on-running" else ())
    [repeat] = result.workloads[0].pools[0].repeats
    assert repeat.account.finished == repeat.account.submitted > 0
    words = shlex.split(result.settings.command)
    assert json.loads(words[words.index("--transport-options") + 1]) == OPTIONS
    assert words[words.index("--broker") + 1] == shop.cluster.broker_url
    assert not [key for key in shop.cluster.redis.keys("*") if b"poolwise-" in key]
    shop.cluster.stop([runner.child], grace_s=2)


def test_queues_of_a_dead_run_are_removed_by_a_run_that_finds_them(shop: Shop) -> None:
    app = Celery("dead", broker=shop.cluster.broker_url, set_as_current=False)
    app.conf.broker_transport_options = OPTIONS
    lease = Lease(shop.cluster.redis, "poolwise-dead", "shop:")
    lease.begin()
    lease.note("poolwise-dead.1")
    app.send_task("shop.pay", queue="poolwise-dead.1")
    shop.cluster.redis.delete(lease.key)  # as it expires
    trials: list[tuple[dict[str, Any], bool]] = [({}, True), (OPTIONS, False)]
    for options, remains in trials:
        app.conf.broker_transport_options = options
        with (
            broker.connection(app) as connection,
            RemoteControl(app, shop.cluster.broker_url) as remote,
        ):
            prefix = options.get("global_keyprefix", "")
            remove_dead(shop.cluster.redis, connection, remote, prefix)
        keys = [key for key in shop.cluster.redis.keys("*") if b"poolwise-dead" in key]
        assert bool(keys) == remains
    app.close()


def test_a_worker_of_poolwise_leaves_the_projects_messages_alone(shop: Shop) -> None:
    """Its visibility timeout is much shorter than the project's."""
    patient = shop.start_worker("patient", "-c", "1", "-Q", "slow")
    options = {**OPTIONS, "visibility_timeout": 1}
    [hasty] = shop.cluster.start_workers(
        [
            WorkerSpec(
                name="hasty",
                pool="threads",
                concurrency=1,
                queues=("hasty",),
                broker_url=shop.cluster.broker_url,
                env={"POOLWISE_BROKER_OPTIONS": json.dumps(options)},
            )
        ]
    )
    shop.send("slow", 5, 0)
    wait_until(
        lambda: "succeeded" in patient.log.read_text(),
        20,
        lambda: AssertionError(patient.log_tail()),
    )
    assert patient.log.read_text().count("] received") == 1
    shop.cluster.stop([patient, hasty.child], grace_s=2)
