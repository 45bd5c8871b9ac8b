"""kombu_lease loses nothing on older versions of Celery, with the kombu and redis-py of their time.

Each version runs in an environment of its own, which `scripts/setup-old-celery` creates.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.ports import LOOPBACK
from tests.lease.farm import FOLDER, POOLS, Farm, kill
from tests.paths import ROOT
from tests.tls import make_secrets, tls_in_front_of

#: Those that the documentation names, besides the current one.
VERSIONS = ("5.5", "5.6")
#: A threads worker of these Celerys often sleeps for 2 s once its slots are full.
TASKS = 50
RECOVERY_TASKS = 100
#: Tasks that may run again each time a worker reconnects: Celery before 5.6.3 forgets what the
#: processes of a prefork worker run.
MAY_RUN_AGAIN = {"prefork": 2, "threads": 0, "gevent": 0, "solo": 0}
CONNECT = "import sys, kombu_lease, kombu; kombu.Connection(sys.argv[1]).connect()"


@pytest.fixture(scope="module", params=VERSIONS)
def python(request: pytest.FixtureRequest) -> str:
    """Return an interpreter with each version of Celery in turn."""
    setup = [str(ROOT / "scripts" / "setup-old-celery"), request.param]
    return subprocess.run(setup, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


@pytest.fixture
def farm(python: str, tmp_path: Path) -> Iterator[Farm]:
    """A broker; its workers are of the old version, its producers of the current one."""
    farm = Farm(tmp_path, appendonly="yes", appendfsync="always")
    farm.python = python
    yield farm
    farm.close()


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_killed_workers_lose_nothing(pool: str, farm: Farm) -> None:
    app = farm.app()
    farm.send(app, "wait", TASKS, 0.01)
    victim = farm.worker(pool, lease_s=2)
    farm.until_more_ran(20)
    kill(victim)
    farm.worker(pool, lease_s=2)
    app.send_task("tests.lease.shop.note", (TASKS,), countdown=4)
    farm.until_ran(TASKS + 1)
    farm.until(lambda: not farm.held(), 5, what="messages are still in flight")
    assert app.control.inspect(timeout=5, limit=1).ping()


@pytest.mark.parametrize("pool", POOLS)
def test_a_worker_recovers_from_a_restart_of_the_broker_and_stops(pool: str, farm: Farm) -> None:
    app = farm.app()
    farm.send(app, "wait", RECOVERY_TASKS, 0.05)
    worker = farm.worker(pool, lease_s=3)
    farm.until_more_ran(10)
    farm.broker.client.client_kill_filter(_type="normal", skipme=True)
    farm.until_more_ran(10)
    farm.broker.kill()
    farm.broker.start()
    farm.until_ran(RECOVERY_TASKS)
    farm.until(lambda: not farm.held(), 10, what="messages are still in flight")
    again = sum(farm.ran().values()) - RECOVERY_TASKS
    assert again <= MAY_RUN_AGAIN[pool] * 2, worker.log_tail()
    worker.stop(30)
    assert worker.exit_code == 0, worker.log_tail()
    assert not farm.broker.client.zcard("_kombu.lease.leases")


def test_tls_checks_the_host_name(farm: Farm, tmp_path: Path) -> None:
    """By itself, redis-py 5.2 does not."""
    for name, words in ((LOOPBACK, ""), ("elsewhere.example", "certificate verify failed")):
        secrets = make_secrets(tmp_path / name, name)
        with tls_in_front_of(farm.broker.port, secrets) as port:
            url = f"leases://{LOOPBACK}:{port}/0?ssl_ca_certs={secrets / 'ca.pem'}"
            done = subprocess.run(
                [farm.python, "-c", CONNECT, url],
                cwd=FOLDER,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        assert words in done.stderr
        assert bool(done.returncode) == bool(words), done.stderr
