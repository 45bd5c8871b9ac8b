"""`leases://` connects over TLS, and only to a server whose certificate is right."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from celery import Celery

from cluster.ports import LOOPBACK
from tests.lease.farm import Farm, kill
from tests.tls import make_secrets, tls_in_front_of

LEASE_S = 2
CHECKED = "?ssl_cert_reqs=required&ssl_ca_certs="


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_secrets(tmp_path_factory.mktemp("tls") / "secrets", LOOPBACK)


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for another host."""
    return make_secrets(tmp_path_factory.mktemp("tls") / "stranger", "elsewhere.example")


@pytest.fixture
def port(farm: Farm, secrets: Path) -> Iterator[int]:
    """The port of the broker's TLS."""
    with tls_in_front_of(farm.broker.port, secrets) as port:
        yield port


@pytest.mark.parametrize("pool", ["prefork", "threads", "gevent"])
def test_killed_workers_lose_nothing_over_tls(
    pool: str, farm: Farm, port: int, secrets: Path
) -> None:
    farm.place = f"{LOOPBACK}:{port}/0{CHECKED}{secrets / 'ca.pem'}"
    app = farm.app("leases")
    farm.send(app, "wait", 200, 0.01)
    victim = farm.worker(pool, "leases", lease_s=LEASE_S)
    farm.until_more_ran(20)
    kill(victim)
    farm.worker(pool, "leases", lease_s=LEASE_S)
    farm.until_ran(200)
    assert app.control.inspect(timeout=5, limit=1).ping()
    farm.until(lambda: not farm.held(), 5, what="messages are still in flight")


def test_large_messages_arrive_whole_over_tls(farm: Farm, port: int, secrets: Path) -> None:
    """One of them takes several TLS records and several reads."""
    farm.place = f"{LOOPBACK}:{port}/0{CHECKED}{secrets / 'ca.pem'}"
    farm.worker("threads", "leases")
    for mark in range(20):
        farm.app("leases").send_task("tests.lease.shop.note_size", (mark, "x" * 200_000))
    farm.until_ran(20)
    assert farm.ran("size") == {200_000: 20}


@pytest.mark.parametrize(
    "setting",
    [
        {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_ca_certs": "CA"},
        {"ssl_ca_certs": "CA"},
        {"ssl_cert_reqs": ssl.CERT_NONE},
    ],
    ids=["required", "authority alone", "unchecked"],
)
def test_the_settings_of_the_app_count(setting: dict[str, Any], port: int, secrets: Path) -> None:
    if "ssl_ca_certs" in setting:
        setting["ssl_ca_certs"] = str(secrets / "ca.pem")
    connect(port, setting)


@pytest.mark.parametrize("setting", [True, None], ids=["on", "unset"])
def test_an_unknown_authority_is_refused(setting: object, port: int) -> None:
    with pytest.raises(redis.ConnectionError, match="certificate verify failed"):
        connect(port, setting)


@pytest.mark.parametrize("setting", [{}, {"ssl_cert_reqs": "required"}])
def test_a_certificate_for_another_host_is_refused(
    setting: dict[str, str], farm: Farm, stranger: Path
) -> None:
    setting = {"ssl_ca_certs": str(stranger / "ca.pem"), **setting}
    with (
        tls_in_front_of(farm.broker.port, stranger) as port,
        pytest.raises(redis.ConnectionError, match="certificate verify failed"),
    ):
        connect(port, setting)


def connect(port: int, setting: object) -> None:
    """Connect as an app with this setting does."""
    with Celery(broker=f"leases://{LOOPBACK}:{port}/0", set_as_current=False) as app:
        app.conf.broker_use_ssl = setting
        with app.connection_for_write() as connection:
            connection.connect()
