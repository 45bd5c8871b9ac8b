"""Every address of a project's brokers is known, however its URL is written."""

from __future__ import annotations

import pytest

from lab.project.endpoints import Endpoint, endpoints
from tasks.errors import UsageError

URLS: dict[str, set[Endpoint]] = {
    "redis://prod:6380/0": {("prod", 6380)},
    "redis://PROD/0": {("prod", 6379)},
    "redis://": {("localhost", 6379)},
    "rediss://user:secret@prod:7000/2?ssl_cert_reqs=required": {("prod", 7000)},
    "redis://[::1]:6379/0": {("::1", 6379)},
    "amqp://guest@rabbit//": {("rabbit", 5672)},
    "pyamqp://a:b@rabbit:5673/vhost": {("rabbit", 5673)},
    "sentinel://one:26379/0": {("one", 26379)},
    "lease://prod:6380/0": {("prod", 6380)},
    "lease://prod/0": {("prod", 6379)},
    "leases://user:secret@prod/0?ssl_cert_reqs=required": {("prod", 6379)},
    "leasesentinel://one/0": {("one", 26379)},
    "lease+redis://prod/1": {("prod", 6379)},
    "lease+rediss://prod:7000/1": {("prod", 7000)},
    "kombu_lease.results:Backend+redis://prod/1": {("prod", 6379)},
    "redis://one:1,two:2/0": {("one", 1), ("two", 2)},
    "redis+socket:///run/redis.sock?db=1": {("/run/redis.sock", 0)},
    "memory://": set(),
    "filesystem://": set(),
    "db+postgresql://prod/shop": set(),
    "sqs://": set(),
}


@pytest.mark.parametrize("url", URLS)
def test_the_addresses_of_a_url(url: str) -> None:
    assert endpoints([url]) == URLS[url]


def test_a_url_that_cannot_be_read_is_refused_without_showing_it() -> None:
    with pytest.raises(UsageError) as raised:
        endpoints(["redis://:hunter2/x@prod:6379/0"])
    assert "hunter2" not in str(raised.value)
