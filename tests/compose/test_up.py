"""The cluster as it comes up: what runs in it, what Flower shows, and what nobody can reach."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from cluster.wait import wait_until
from producer.plan import Work, burst
from tests.compose.project import IMAGE, Project, run
from tests.compose.ride import Ride
from tests.compose.watch import Flower
from worker.pools import DEFAULT_POOLS, POOLS

#: Small work of each kind, and the queue of its nature.
KINDS = {
    "cpu.burn": Work(task="cpu.burn", args=(10_000,)),
    "cpu.digest": Work(task="cpu.digest", args=(1_000,)),
    "io.sleep": Work(task="io.sleep", args=(0.05,)),
    "mixed.work": Work(task="mixed.work", args=(1, 20)),
}
SERVICES = ("redis", "worker-prefork", "worker-threads", "worker-gevent", "flower", "producer")
SIZES = {"prefork": "4", "threads": "32", "gevent": "200"}


@pytest.mark.parametrize("pool", DEFAULT_POOLS)
def test_a_pool_runs_tasks_of_each_kind(ride: Ride, pool: str) -> None:
    for work in KINDS.values():
        ride.submit(burst(work, 3), pool)
    assert ride.settle(20)
    totals = ride.close(pool)
    assert len(totals.finished) == totals.submitted == 3 * len(KINDS)
    assert {record.task for record in totals.finished} == KINDS.keys()
    assert {record.pool for record in totals.finished} == {pool}


@pytest.mark.parametrize(("nature", "pools"), [("cpu", {"prefork"}), ("io", {"threads", "gevent"})])
def test_a_queue_of_a_nature_is_served_by_the_pools_that_fit(
    ride: Ride, nature: str, pools: set[str]
) -> None:
    ride.submit(burst(KINDS["io.sleep"], 300 if len(pools) > 1 else 30), nature)
    assert ride.settle(20)
    assert {record.pool for record in ride.records} == pools


def test_flower_lists_every_worker_with_the_pool_that_it_runs(flower: Flower) -> None:
    def found() -> dict[str, tuple[str, str]]:
        return {worker.partition("@")[0]: flower.pool(worker) for worker in flower.workers()}

    expected = {name: (POOLS[name].implementation, SIZES[name]) for name in DEFAULT_POOLS}
    wait_until(lambda: found() == expected, 20, lambda: AssertionError(f"Flower shows {found()}"))


def test_flower_shows_every_queue(flower: Flower) -> None:
    status, page = flower.get("/broker")
    assert status == 200
    assert {queue for queue in (*DEFAULT_POOLS, "cpu", "io") if f">{queue}<" not in page} == set()


@pytest.fixture
def light(ring: Project) -> Iterator[None]:
    """The light producer at its default rate."""
    ring.compose("up", "--detach", "--no-deps", "producer", env={"LOAD_RATE": ""})
    yield
    ring.compose("up", "--detach", "--no-deps", "producer")


@pytest.mark.usefixtures("light")
def test_a_light_load_reaches_every_pool_with_every_task_of_the_mix(ride: Ride) -> None:
    def seen() -> set[tuple[str, str]]:
        ride.read()
        records = [record for batch in ride.batches for record in batch.records]
        return {(r.pool, r.task) for r in records if r.run == "light" and r.outcome == "succeeded"}

    mix = {"cpu.burn", "io.sleep", "mixed.work"}
    every = {(pool, task) for pool in DEFAULT_POOLS for task in mix}
    wait_until(lambda: seen() == every, 15, lambda: AssertionError(f"seen: {seen()}"))


@pytest.mark.parametrize("variable", ["LOAD_RATE=much", "LOAD_MIX=cpu.brun=1"])
def test_a_wrong_light_load_is_told_in_one_line(ring: Project, variable: str) -> None:
    said = ring.compose("run", "--rm", "--no-deps", "--env", variable, "producer", expect=2)
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert variable.partition("=")[0] in errors[0]
    assert "Traceback" not in said


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_has_no_more_rights_than_it_needs(ring: Project, service: str) -> None:
    facts = ring.inspect(service)
    host = facts["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["Init"]
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert host["Memory"] > 0
    assert host["PidsLimit"] > 0
    assert facts["Config"]["StopSignal"] == "SIGTERM"
    assert ring.compose("exec", "--no-TTY", service, "id", "-u").strip() != "0"


def test_only_flower_is_published_and_only_on_loopback(ring: Project) -> None:
    plain = Project(name=ring.name, variables={})
    services = json.loads(plain.compose("--profile", "*", "config", "--format", "json"))["services"]
    published = {
        name: [(port["host_ip"], port["published"]) for port in service["ports"]]
        for name, service in services.items()
        if service.get("ports")
    }
    assert published == {"flower": [("127.0.0.1", "5555")]}


def test_the_image_is_small_and_holds_no_tools_and_no_secrets() -> None:
    facts = json.loads(run(["docker", "image", "inspect", IMAGE]))[0]
    assert facts["Config"]["User"] == "1000:1000"
    assert facts["Size"] < 400_000_000
    assert not [name for name in facts["Config"]["Env"] if "PASS" in name or "AUTH" in name]
    inside = "command -v gcc cc make; ls -A /root/.cache /tmp /var/lib/apt/lists 2>/dev/null"
    shown = run(["docker", "run", "--rm", "--user", "0", IMAGE, "sh", "-c", f"{inside}; true"])
    assert [line for line in shown.splitlines() if line and not line.endswith(":")] == []


def test_the_lab_runs_in_the_cluster(ring: Project) -> None:
    assert "poolwise 0." in ring.compose("run", "--rm", "poolwise", "--version")
