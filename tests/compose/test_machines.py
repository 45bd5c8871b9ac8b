"""A worker on another machine: TLS, a password, and a link with 20 ms of delay."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest
import redis

from cluster.ports import free_port
from cluster.wait import wait_until
from producer.plan import Work, burst
from tests.compose.flower import Flower
from tests.compose.load_run import LoadRun
from tests.compose.project import IMAGE, Project, run
from tests.paths import ROOT

DELAY_MS = 20
FAR = ("worker-gevent", "flower")
SLEEP = Work(task="io.sleep", args=(0.05,))
#: Prints the far worker's clock error and the bound it reports. Both machines of the test share one
#: system clock, so the true error is known here.
CLOCK_ERROR = """
import json, redis, time
from worker.probe import Clock, connect, records_places
from tasks.celery import app
clock = Clock.read(connect(records_places(app), 5)[1])
truth = time.time() - time.monotonic()
print(json.dumps([clock.offset_s - truth, clock.error_s]))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """This machine's Redis, and a worker that reaches it only over the slow link."""

    hub: Project
    far: Project
    url: str  # of the hub's Redis, from here
    password: str


@pytest.fixture(scope="module")
def machines(
    cluster: Project,  # noqa: ARG001 - builds the image
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Machines]:
    """Run a hub with only Redis, and a far gevent worker with Flower."""
    secrets = tmp_path_factory.mktemp("machines") / "secrets"
    run([str(ROOT / "scripts" / "make-secrets"), "hub"], env={"SECRETS": str(secrets)})
    port = free_port()
    hub = Project(
        name=f"poolwise-hub-{os.getpid()}",
        files=("docker-compose.yml", "compose.machines.yml"),
        variables={
            "MACHINES_ADDRESS": "127.0.0.1",
            "MACHINES_PORT": str(port),
            "REDIS_SECRETS": str(secrets),
        },
    )
    far = Project(
        name=f"poolwise-far-{os.getpid()}",
        variables={
            "BROKER_URL_FILE": str(secrets / "broker-url-elsewhere"),
            "BROKER_CA_FILE": str(secrets / "ca.pem"),
            "FLOWER_PORT": str(free_port()),
        },
    )
    link = f"poolwise-link-{os.getpid()}"
    password = (secrets / "redis-password").read_text(encoding="utf-8").strip()
    tls = urlencode({"ssl_cert_reqs": "required", "ssl_ca_certs": str(secrets / "ca.pem")})
    try:
        hub.compose("up", "--detach", "--wait", "redis")
        far.compose("create", "--no-build", "worker-gevent")
        _connect(link, hub, far)
        far.compose("up", "--detach", "--no-deps", "--no-build", "--wait", *FAR)
        url = f"rediss://:{password}@localhost:{port}/0?{tls}"
        yield Machines(hub=hub, far=far, url=url, password=password)
    finally:
        run(["docker", "rm", "--force", link], expect=None)
        far.down()
        hub.down()
    assert far.leftovers() == hub.leftovers() == {}


def _connect(link: str, hub: Project, far: Project) -> None:
    """Connect the two networks by a slow link, which the far network knows as `hub`."""
    script = Path(__file__).with_name("slow_link.py")
    run(
        [
            *("docker", "run", "--detach", "--name", link, "--network", f"{hub.name}_default"),
            *("--volume", f"{script}:/slow_link.py:ro", IMAGE),
            *("python", "/slow_link.py", "6380", "redis", "6380", str(DELAY_MS)),
        ]
    )
    run(["docker", "network", "connect", "--alias", "hub", f"{far.name}_default", link])


def test_worker_joins_with_a_url_and_a_certificate(machines: Machines) -> None:
    load_run = LoadRun(machines.url)
    load_run.submit(burst(SLEEP, 100), "gevent")
    assert load_run.settle(30)
    totals = load_run.close("gevent")
    assert len(totals.finished) == totals.submitted == 100
    assert {record.node for record in totals.finished} == {
        f"gevent@{one[:12]}" for one in machines.far.containers("worker-gevent")
    }


def test_flower_reads_the_queues_over_tls(machines: Machines) -> None:
    flower = Flower(int(machines.far.variables["FLOWER_PORT"]))
    wait_until(
        lambda: ">gevent<" in flower.get("/broker")[1],
        20,
        lambda: AssertionError("Flower's Broker page lacks the queue"),
    )
    assert machines.password not in flower.get("/broker")[1]


def test_reported_clock_bound_covers_the_true_error(machines: Machines) -> None:
    load_run = LoadRun(machines.url)
    load_run.submit(burst(SLEEP, 20), "gevent")
    assert load_run.settle(30)
    reported_s = load_run.reader.worst_error_s
    read = ("exec", "--no-TTY", "worker-gevent", "poolwise-entrypoint", "python", "-c", CLOCK_ERROR)
    off_s, bound_s = json.loads(machines.far.compose(*read).splitlines()[-1])
    half_s = DELAY_MS / 2_000
    assert off_s == pytest.approx(
        half_s, abs=half_s / 2
    )  # the link causes the error that it should
    assert abs(off_s) <= bound_s
    assert half_s <= reported_s < 4 * half_s
    for record in load_run.records:
        assert record.sent is not None
        assert record.received >= record.sent - reported_s - load_run.clock.error_s


def test_wrong_password_and_unknown_authority_are_rejected(machines: Machines) -> None:
    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(machines.url.replace(machines.password, "wrong")).ping()
    with pytest.raises(redis.ConnectionError, match="certificate verify failed"):
        redis.Redis.from_url(machines.url.partition("?")[0]).ping()


def test_redis_is_full_before_the_kernel_would_kill_it(machines: Machines) -> None:
    settings = redis.Redis.from_url(machines.url).config_get("maxmemory*")
    assert settings["maxmemory-policy"] == "noeviction"
    memory = machines.hub.inspect("redis")["HostConfig"]["Memory"]
    assert 0 < int(settings["maxmemory"] or 0) < memory


@pytest.mark.parametrize(("side", "service"), [("hub", "redis"), ("far", "worker-gevent")])
def test_password_is_never_shown(machines: Machines, side: str, service: str) -> None:
    project: Project = getattr(machines, side)
    [container] = project.containers(service)
    shown = project.log(service) + run(["docker", "inspect", container])
    assert machines.password not in shown + run(["docker", "top", container, "-ef"])
    assert machines.password not in run(["docker", "image", "inspect", IMAGE])
