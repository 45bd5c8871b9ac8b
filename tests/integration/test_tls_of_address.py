"""Whether and how a connection uses TLS depends on its own address, not on the environment's."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from cluster.local import LocalCluster
from cluster.ports import free_port
from producer import broker
from tasks.celery import app, using_broker
from tests.command import poolwise, running
from tests.tls import make_secrets, tls_in_front_of


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_secrets(tmp_path_factory.mktemp("tls") / "secrets", "127.0.0.1")


@pytest.fixture
def outside(secrets: Path, tmp_path: Path) -> Iterator[str]:
    """Run a broker behind TLS; return its address without the authority of its certificate."""
    (tmp_path / "broker").mkdir()
    with LocalCluster(tmp_path / "broker") as cluster:
        port = urlsplit(cluster.broker_url).port
        assert port is not None
        with tls_in_front_of(port, secrets) as there:
            yield f"rediss://127.0.0.1:{there}/0"


def test_a_race_on_a_plain_broker_ignores_the_tls_of_the_environment(tmp_path: Path) -> None:
    env = {"CELERY_BROKER_URL": f"rediss://127.0.0.1:{free_port()}/0"}
    words = ("--quick", "--pools", "threads", "--workloads", "burn")
    done = poolwise("race", *words, cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr


def test_a_connection_checks_the_certificate(outside: str, secrets: Path) -> None:
    with pytest.raises(redis.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
        broker.connection(app, outside).connect()
    with broker.connection(app, f"{outside}?ssl_ca_certs={secrets / 'ca.pem'}") as connection:
        connection.connect()


def test_so_do_the_connections_that_send_tasks(outside: str, secrets: Path) -> None:
    with (
        using_broker(outside),
        pytest.raises(redis.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        app.connection_for_write().connect()
    with using_broker(f"{outside}?ssl_ca_certs={secrets / 'ca.pem'}"):
        app.connection_for_write().connect()
    assert not app.conf.broker_use_ssl


def test_flower_checks_the_certificate(outside: str, secrets: Path, tmp_path: Path) -> None:
    env = {"CELERY_BROKER_URL": outside, "SSL_CERT_FILE": str(secrets / "ca.pem")}
    with running("flower", "--port", "0", folder=tmp_path, env=env) as flower:
        flower.until(lambda: "able to read records" in flower.output())
        flower.signal(signal.SIGINT)
        assert flower.ended() == 0
        assert "no ssl options" not in flower.output()  # kombu's words when it checks nothing


def test_workers_find_a_certificate_that_is_named_from_the_users_folder(
    outside: str, secrets: Path
) -> None:
    url = f"{outside}?ssl_ca_certs={secrets.name}/ca.pem"
    words = ("race", "--quick", "--pools", "threads", "--workloads", "sleep", "--repeat", "1")
    done = poolwise(*words, cwd=secrets.parent, env={"POOLWISE_BROKER": url}, timeout_s=100)
    assert done.returncode == 0, done.stderr
