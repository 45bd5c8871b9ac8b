"""The network addresses of a project's own brokers, which its private workers must not reach."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

from tasks.errors import UsageError

#: A host and a port. For a Unix socket: its path, and port 0.
Endpoint = tuple[str, int]

#: Default ports by scheme. Other schemes, such as a database that holds results, stay reachable:
#: the tasks may need them, and workers get another result backend anyway.
PORTS: Final[Mapping[str, int]] = {
    "redis": 6379,
    "rediss": 6379,
    "valkey": 6379,
    "valkeys": 6379,
    "sentinel": 26379,
    "lease": 6379,
    "leases": 6379,
    "leasesentinel": 26379,
    "amqp": 5672,
    "amqps": 5671,
    "pyamqp": 5672,
    "librabbitmq": 5672,
    "rpc": 5672,
    "confluentkafka": 9092,
    "kafka": 9092,
    "mongodb": 27017,
    "etcd": 2379,
    "consul": 8500,
    "zookeeper": 2181,
    "pyro": 9090,
}
SOCKETS: Final = frozenset({"unix", "socket"})


def endpoints(urls: Iterable[str]) -> frozenset[Endpoint]:
    """Return the addresses that `urls` name; those without a host name none.

    Raises UsageError, which does not show the URL, if one cannot be read.
    """
    return frozenset(found for url in urls for found in _endpoints(url))


def given(text: str) -> Endpoint:
    """Read `HOST:PORT`, as `--allow` takes it; raise UsageError otherwise."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise UsageError(f"--allow takes HOST:PORT, such as localhost:6379, not {text[:60]!r}")
    return host.strip("[]").lower(), int(port)


def _endpoints(url: str) -> list[Endpoint]:
    scheme, _, rest = url.partition("://")
    scheme = scheme.lower().rpartition("+")[2]  # as in lease+redis:// and redis+socket://
    if scheme in SOCKETS:
        return [(unquote(urlsplit(url).path).lower(), 0)]
    if scheme not in PORTS:
        return []
    # Several hosts can share a URL, as in redis://a:1,b:2/0.
    hosts = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    return [_endpoint(host, PORTS[scheme]) for host in hosts.split(",")]


def _endpoint(host: str, default_port: int) -> Endpoint:
    try:
        parts = urlsplit(f"//{host}")
        return (parts.hostname or "localhost").lower(), parts.port or default_port
    except ValueError:
        raise UsageError(
            "one of your project's broker URLs cannot be read, so Poolwise cannot make sure that "
            "nothing connects to it; is there a / # or ? in its password? Write it as %2F, %23 or "
            "%3F"
        ) from None
