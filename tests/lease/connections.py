"""Connections of a program that uses kombu without Celery, and what they leave in Redis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kombu import Connection

import kombu_lease  # noqa: F401  registers lease://
from cluster.wait import wait_until
from tests.lease.farm import Server


def connection(server: Server, prefix: str = "", **options: Any) -> Connection:
    """Return a connection with this transport; `options` are the transport's."""
    url = server.url.replace("redis", "lease", 1)
    return Connection(url, transport_options={"global_keyprefix": prefix, **options})


def until(condition: Callable[[], Any], what: str, timeout_s: float = 10) -> None:
    """Wait for a condition; `what` says what is wrong if it does not come true."""
    wait_until(condition, timeout_s, lambda: AssertionError(what))


def until_no_lease(server: Server, prefix: str) -> None:
    """Wait until all leases have ended."""
    leases = prefix + "_kombu.lease.leases"
    until(lambda: server.client.zcard(leases) == 0, "a lease has not ended")


def held(client: Any, prefix: str) -> int:
    """Return how many messages are in flight."""
    keys = client.scan_iter(f"{prefix}_kombu.lease.held.*")
    return sum(not field.startswith(b"@") for key in keys for field in client.hkeys(key))
