"""Ports on the loopback interface."""

from __future__ import annotations

import socket

from tasks.errors import UsageError

LOOPBACK = "127.0.0.1"
HIGHEST_PORT = 65_535


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def claimed_port(port: int, purpose: str) -> int:
    """Return `port` if it is available, or any free one for 0.

    Raises UsageError if another program uses the port or we may not.
    """
    if port == 0:
        return free_port()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or f"ports are 0 to {HIGHEST_PORT}"
            raise UsageError(
                f"port {port} is not available for {purpose} ({reason.lower()}); "
                "choose another, or 0 for any free port"
            ) from error
    return port


def is_listening(port: int) -> bool:
    """Return whether something accepts connections on `port`."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0
