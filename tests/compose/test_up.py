"""The cluster after `docker compose up`: tasks, Flower, published ports and privileges."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from cluster.wait import wait_until
from producer.plan import Work, burst
from tests.compose.flower import Flower
from tests.compose.load_run import LoadRun
from tests.compose.project import IMAGE, Project, run
from worker.pools import DEFAULT_POOLS, POOLS

#: Small work of each kind.
KINDS = {
    "cpu.burn": Work(task="cpu.burn", args=(10_000,)),
    "cpu.digest": Work(task="cpu.digest", args=(1_000,)),
    "io.sleep": Work(task="io.sleep", args=(0.05,)),
    "mixed.work": Work(task="mixed.work", args=(1, 20)),
}
SERVICES = ("redis", "worker-prefork", "worker-threads", "worker-gevent", "flower", "producer")
SIZES = {"prefork": "4", "threads": "32", "gevent": "200"}


@pytest.mark.parametrize("pool", DEFAULT_POOLS)
def test_pool_runs_tasks_of_every_kind(load_run: LoadRun, pool: str) -> None:
    for work in KINDS.values():
        load_run.submit(burst(work, 3), pool)
    assert load_run.settle(20)
    totals = load_run.close(pool)
    assert len(totals.finished) == totals.submitted == 3 * len(KINDS)
    assert {record.task for record in totals.finished} == KINDS.keys()
    assert {record.pool for record in totals.finished} == {pool}


@pytest.mark.parametrize(("nature", "pools"), [("cpu", {"prefork"}), ("io", {"threads", "gevent"})])
def test_cpu_and_io_queues_are_served_by_the_pools_that_suit_them(
    load_run: LoadRun, nature: str, pools: set[str]
) -> None:
    load_run.submit(burst(KINDS["io.sleep"], 300 if len(pools) > 1 else 30), nature)
    assert load_run.settle(20)
    assert {record.pool for record in load_run.records} == pools


def test_flower_lists_every_worker_with_its_pool(flower: Flower) -> None:
    def found() -> dict[str, tuple[str, str]]:
        return {worker.partition("@")[0]: flower.pool(worker) for worker in flower.workers()}

    expected = {name: (POOLS[name].implementation, SIZES[name]) for name in DEFAULT_POOLS}
    wait_until(lambda: found() == expected, 20, lambda: AssertionError(f"Flower shows {found()}"))


def test_flower_shows_every_queue(flower: Flower) -> None:
    def missing() -> set[str]:
        page = flower.get("/broker")[1]
        return {queue for queue in (*DEFAULT_POOLS, "cpu", "io") if f">{queue}<" not in page}

    wait_until(lambda: not missing(), 20, lambda: AssertionError(f"missing: {missing()}"))


@pytest.fixture
def light(cluster: Project) -> Iterator[None]:
    """Run the light producer at its default rate."""
    cluster.compose("up", "--detach", "--no-deps", "producer", env={"LOAD_RATE": ""})
    yield
    cluster.compose("up", "--detach", "--no-deps", "producer")


@pytest.mark.usefixtures("light")
def test_light_load_runs_every_task_of_the_mix_in_every_pool(load_run: LoadRun) -> None:
    def seen() -> set[tuple[str, str]]:
        load_run.read()
        records = [record for batch in load_run.batches for record in batch.records]
        return {(r.pool, r.task) for r in records if r.run == "light" and r.outcome == "succeeded"}

    mix = {"cpu.burn", "io.sleep", "mixed.work"}
    every = {(pool, task) for pool in DEFAULT_POOLS for task in mix}
    wait_until(lambda: seen() == every, 15, lambda: AssertionError(f"seen: {seen()}"))


@pytest.mark.parametrize("variable", ["LOAD_RATE=much", "LOAD_MIX=cpu.brun=1"])
def test_invalid_light_load_is_reported_in_one_line(cluster: Project, variable: str) -> None:
    printed = cluster.compose("run", "--rm", "--no-deps", "--env", variable, "producer", expect=2)
    errors = [line for line in printed.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert variable.partition("=")[0] in errors[0]
    assert "Traceback" not in printed


@pytest.mark.parametrize("service", SERVICES)
def test_container_runs_with_minimal_privileges(cluster: Project, service: str) -> None:
    facts = cluster.inspect(service)
    host = facts["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["Init"]
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert host["Memory"] > 0
    assert host["PidsLimit"] > 0
    assert facts["Config"]["StopSignal"] == "SIGTERM"
    assert cluster.compose("exec", "--no-TTY", service, "id", "-u").strip() != "0"


def test_redis_is_full_before_the_kernel_would_kill_it(cluster: Project) -> None:
    read = ("exec", "--no-TTY", "redis", "redis-cli", "config", "get", "maxmemory*")
    settings = cluster.compose(*read).split()
    assert "noeviction" in settings
    full = settings[settings.index("maxmemory") + 1]
    assert 0 < int(full) < cluster.inspect("redis")["HostConfig"]["Memory"]


def test_only_flower_is_published_and_only_on_loopback(cluster: Project) -> None:
    plain = Project(name=cluster.name, variables={})
    services = json.loads(plain.compose("--profile", "*", "config", "--format", "json"))["services"]
    published = {
        name: [(port["host_ip"], port["published"]) for port in service["ports"]]
        for name, service in services.items()
        if service.get("ports")
    }
    assert published == {"flower": [("127.0.0.1", "5555")]}


def test_image_is_small_and_contains_no_build_tools_or_secrets() -> None:
    facts = json.loads(run(["docker", "image", "inspect", IMAGE]))[0]
    assert facts["Config"]["User"] == "1000:1000"
    assert facts["Size"] < 400_000_000
    assert not [name for name in facts["Config"]["Env"] if "PASS" in name or "AUTH" in name]
    inside = "command -v gcc cc make; ls -A /root/.cache /tmp /var/lib/apt/lists 2>/dev/null"
    shown = run(["docker", "run", "--rm", "--user", "0", IMAGE, "sh", "-c", f"{inside}; true"])
    assert [line for line in shown.splitlines() if line and not line.endswith(":")] == []


def test_lab_runs_in_the_cluster(cluster: Project) -> None:
    assert "poolwise 0." in cluster.compose("run", "--rm", "poolwise", "--version")
