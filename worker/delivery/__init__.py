"""What happens to the messages of a worker that dies, stalls or is cut off from Redis."""

from __future__ import annotations

import sys

from kombu.transport import redis as stock


def is_installed() -> bool:
    """Return whether this process is a worker in which `worker.delivery.install` did its work."""
    return stock.Transport.Channel is not stock.Channel


def is_lease(transport: object) -> bool:
    """Return whether a connection's transport is that of kombu_lease."""
    lease = sys.modules.get("kombu_lease.transport")
    return lease is not None and isinstance(transport, lease.LeaseTransportMixin)
