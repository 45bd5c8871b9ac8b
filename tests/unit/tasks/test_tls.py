"""The certificate options of a broker URL apply to the app and to the probe's connection."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
import redis
from celery import Celery

from tasks.tls import tls_options
from worker.probe import URL_VARIABLE, records_places

PLACE = ":secret@hub.example:6380/0"
CA = "/run/secrets/broker_ca"


def test_a_certificate_is_checked_unless_the_url_says_otherwise() -> None:
    assert tls_options(f"rediss://{PLACE}") == {"ssl_cert_reqs": ssl.CERT_REQUIRED}
    assert tls_options(f"rediss://{PLACE}?ssl_cert_reqs=none") == {"ssl_cert_reqs": ssl.CERT_NONE}


def test_a_certificate_authority_is_read_from_the_url() -> None:
    options = tls_options(f"rediss://{PLACE}?ssl_ca_certs={CA}&ssl_cert_reqs=required")
    assert options == {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_ca_certs": CA}


def test_a_plain_url_has_no_tls() -> None:
    assert tls_options(f"redis://{PLACE}") is None


@pytest.mark.parametrize(
    ("url", "settings"),
    [
        (f"rediss://{PLACE}?ssl_ca_certs={CA}&ssl_cert_reqs=required", {}),
        (
            f"redis://{PLACE}",
            {"broker_use_ssl": {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_ca_certs": CA}},
        ),
    ],
    ids=["in the URL", "in the settings"],
)
def test_the_probe_uses_the_certificate_options_of_the_broker(
    monkeypatch: pytest.MonkeyPatch, url: str, settings: dict[str, Any]
) -> None:
    monkeypatch.delenv(URL_VARIABLE, raising=False)
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)
    app = Celery("made", broker=url, set_as_current=False)
    app.conf.update(settings)
    [place] = records_places(app)
    pool = place.client(timeout_s=1).connection_pool
    assert pool.connection_class is redis.SSLConnection
    connection: Any = pool.make_connection()
    assert (connection.host, connection.port, connection.password) == (
        "hub.example",
        6380,
        "secret",
    )
    assert (connection.ca_certs, connection.cert_reqs) == (CA, ssl.CERT_REQUIRED)


def test_the_probe_uses_no_tls_if_the_broker_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(URL_VARIABLE, raising=False)
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)
    app = Celery("made", broker=f"redis://{PLACE}", set_as_current=False)
    [place] = records_places(app)
    assert place.connection_class is redis.Connection
    assert place.name == "redis://hub.example:6380/0"
