"""Addresses are read as redis-py and kombu read them, and never shown with their secrets."""

from __future__ import annotations

import ssl
import string
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st
from kombu import Connection

from producer.address import UNREADABLE, redacted, usable, with_checked_certificate
from tasks.errors import UsageError
from tasks.tls import tls_options

#: At both ends of every password below: whatever an address is cut into, a piece holds it.
MARK = "hunter2"
PASSWORDS = st.text(max_size=20).map(lambda text: f"{MARK}{text}{MARK}")

WHOLE = (
    "redis://:{}@h/0",
    "redis://user:{}@h:1/0",
    "rediss://:{}@h/0",
    "amqp://user:{}@h//",
    "http://:{}@h",
    "sentinel://:{}@h:1;sentinel://:{}@h:2",
    "lease://:{}@h/0",
    "leases://:{}@h/0",
    "leasesentinel://:{}@h:1;leasesentinel://:{}@h:2",
    "redis://h/0?password={}",
    "redis://h?username=user&password={}",
    "redis://h/0?pasword={}",
)
BROKEN = (
    "redis:{}@h",
    "redis:/:{}@h",
    "redis//:{}@h",
    "redis:///:{}@h",
    ":{}@h",
    "unix://:{}@/tmp/s",
    "redis://:{}@[::1/0",
    "redis://:{}@a/0;redis://:{}@b/0",
)


def complaint(url: str) -> str:
    """Return what is wrong with an address; empty if nothing is."""
    try:
        usable(url)
    except UsageError as error:
        return str(error)
    return ""


@given(PASSWORDS, st.sampled_from(WHOLE + BROKEN))
def test_a_password_is_never_shown_whatever_it_is(password: str, form: str) -> None:
    url = form.replace("{}", password)
    assert MARK not in redacted(url)
    assert MARK not in complaint(url)


@given(st.text())
def test_any_text_is_shown_or_reported_in_one_line(text: str) -> None:
    assert "\n" not in redacted(text)
    assert "\n" not in complaint(text)


@given(st.text(min_size=1), st.text(string.ascii_letters, max_size=5), st.booleans())
def test_every_library_gets_the_same_password(password: str, user: str, as_option: bool) -> None:
    encoded = quote(password, safe="")
    url = (
        f"redis://h?username={user}&password={encoded}"
        if as_option
        else (f"redis://{user}:{encoded}@h")
    )
    written = usable(url)
    by_redis = redis.Redis.from_url(written).connection_pool.connection_kwargs
    by_kombu = Connection(written)
    assert (by_redis["password"], by_kombu.password) == (password, password)
    assert (by_redis.get("username", ""), by_kombu.userid or "") == (user, user)
    assert usable(written) == written


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("redis://h", "redis://h:6379/0"),
        ("redis://", "redis://localhost:6379/0"),
        ("redis://h:1/3", "redis://h:1/3"),
        ("redis://h//", "redis://h:6379/0"),
        ("redis://h/3?db=4", "redis://h:6379/4"),
        ("redis://[::1]/0", "redis://[::1]:6379/0"),
        ("redis://:a;b@h", "redis://:a%3Bb@h:6379/0"),
        ("redis://:p@ss@h", "redis://:p%40ss@h:6379/0"),
        ("rediss://h?ssl_cert_reqs=none", "rediss://h:6379/0?ssl_cert_reqs=none"),
        ("lease://h", "redis://h:6379/0"),
        ("lease://user:p@h:1/3", "redis://user:p@h:1/3"),
        ("leases://:p@h:1", "rediss://:p@h:1/0"),
        ("leases://h?ssl_cert_reqs=none", "rediss://h:6379/0?ssl_cert_reqs=none"),
    ],
)
def test_an_address_is_completed(url: str, written: str) -> None:
    assert usable(url) == written


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://user:x@h:1/2", "redis://user:***@h:1/2"),
        ("redis://x@h", "redis://***@h"),
        ("redis://h?password=x&db=1", "redis://h?password=***&db=1"),
        ("rediss://h/0?ssl_cert_reqs=none", "rediss://h/0?ssl_cert_reqs=none"),
        ("leases://:x@h/0?ssl_cert_reqs=none", "leases://:***@h/0?ssl_cert_reqs=none"),
        ("leases://h?password=x", "leases://h?password=***"),
        ("redis://h?x=y", "redis://h?***"),
        ("redis://:x/y@h", UNREADABLE),
        ("redis:x@h", UNREADABLE),
    ],
)
def test_only_what_is_no_secret_is_shown(url: str, shown: str) -> None:
    assert redacted(url) == shown


@pytest.mark.parametrize("option", ["client_name=x", "protocol=3", "socket_timeout=5", "db=1"])
@pytest.mark.parametrize("scheme", ["redis", "rediss"])
def test_an_option_that_kombu_would_not_understand_is_refused_or_moved(
    scheme: str, option: str
) -> None:
    url = f"{scheme}://h:1/0?{option}"
    if option == "db=1":
        assert Connection(usable(url)).virtual_host == "1"
    else:
        assert "accepted: db, username, password, ssl_…" in complaint(url)


@pytest.mark.parametrize(
    ("url", "checked"),
    [
        ("redis://h:1/0", "redis://h:1/0"),
        ("rediss://h:1/0", "rediss://h:1/0?ssl_cert_reqs=required"),
        ("rediss://h:1/0?ssl_cert_reqs=none", "rediss://h:1/0?ssl_cert_reqs=none"),
    ],
)
def test_a_certificate_is_checked_unless_the_address_says_otherwise(url: str, checked: str) -> None:
    assert with_checked_certificate(url) == checked


@pytest.mark.parametrize(
    ("query", "checked"),
    [("", True), ("?ssl_ca_certs=/ca.pem", True), ("?ssl_cert_reqs=none", False)],
)
def test_every_library_checks_the_server_of_a_lease_address(query: str, checked: bool) -> None:
    written = usable(f"leases://h{query}")
    required = ssl.CERT_REQUIRED if checked else ssl.CERT_NONE
    by_redis: Any = redis.Redis.from_url(written).connection_pool.make_connection()
    assert (by_redis.cert_reqs, by_redis.check_hostname) == (required, checked)
    assert (tls_options(written) or {})["ssl_cert_reqs"] == required


@pytest.mark.parametrize("url", ["sentinel://h:1", "leasesentinel://h:1;leasesentinel://i:1"])
@pytest.mark.parametrize(
    ("source", "fix"),
    [
        ("--broker", "itself with --broker redis://"),
        ("-A shop", "itself with --broker redis://"),
        ("CELERY_BROKER_URL", "itself in CELERY_BROKER_URL, or with --broker redis://"),
    ],
)
def test_instead_of_sentinels_the_primary_must_be_named(url: str, source: str, fix: str) -> None:
    with pytest.raises(UsageError, match=f"^{source} names Sentinels, .*name the primary {fix}"):
        usable(url, source)


def test_paths_are_relative_to_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written = usable("rediss://h?ssl_ca_certs=a/ca.pem&ssl_keyfile=/b/key&ssl_certfile=")
    options = redis.Redis.from_url(written).connection_pool.connection_kwargs
    assert options["ssl_ca_certs"] == str(tmp_path / "a" / "ca.pem")
    assert options["ssl_keyfile"] == "/b/key"
    assert usable(written) == written
