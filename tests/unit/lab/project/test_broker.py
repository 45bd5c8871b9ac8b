"""The address of a project's broker contains what its app says of certificates."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from lab.project.broker import with_tls
from producer.address import usable

CA = {"ssl_ca_certs": "/ca.pem"}
UNCHECKED = {"ssl_cert_reqs": ssl.CERT_NONE}


@pytest.mark.parametrize(
    ("url", "setting", "written"),
    [
        ("redis://h", False, "redis://h:6379/0"),
        ("redis://h", True, "rediss://h:6379/0"),
        ("redis://h", CA, "rediss://h:6379/0?ssl_ca_certs=%2Fca.pem"),
        ("rediss://h", UNCHECKED, "rediss://h:6379/0?ssl_cert_reqs=none"),
        ("lease://h", False, "redis://h:6379/0"),
        ("lease://h", True, "rediss://h:6379/0"),
        ("lease://h", CA, "rediss://h:6379/0?ssl_ca_certs=%2Fca.pem"),
        ("leases://h", False, "rediss://h:6379/0"),
        ("leases://h", CA, "rediss://h:6379/0?ssl_ca_certs=%2Fca.pem"),
        ("leases://h", UNCHECKED, "rediss://h:6379/0?ssl_cert_reqs=none"),
        (
            "leases://h?ssl_cert_reqs=required",
            UNCHECKED,
            "rediss://h:6379/0?ssl_cert_reqs=required",
        ),
    ],
)
def test_the_setting_applies_to_every_scheme(
    url: str, setting: dict[str, Any] | bool, written: str
) -> None:
    assert usable(with_tls(url, setting)) == written


@pytest.mark.parametrize("url", ["amqp://h//", "leasesentinel://h:1/0"])
def test_other_addresses_stay_as_they_are(url: str) -> None:
    assert with_tls(url, CA) == url
