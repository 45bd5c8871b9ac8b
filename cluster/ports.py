"""Free ports of the loopback interface."""

from __future__ import annotations

import socket

from tasks.errors import UsageError

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """Return a port that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def claimed_port(port: int, purpose: str) -> int:
    """Return `port` if it can be listened on now, or any free one for 0.

    Raises UsageError where another program has it, or we may not.
    """
    if port == 0:
        return free_port()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or "ports end at 65535"
            raise UsageError(
                f"port {port} cannot be had for {purpose} ({reason.lower()}); "
                "name another, or 0 for any that is free"
            ) from error
    return port


def is_listening(port: int) -> bool:
    """Whether something accepts connections on `port`."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0
