"""Socket options with which the kernel gives up a connection whose other end has fallen silent."""

from __future__ import annotations

import socket
from typing import Final

#: Probes of an idle connection that must stay unanswered.
PROBES: Final = 3


def give_up_after(seconds: int) -> dict[int, int]:
    """Return TCP options for connections that end after so many seconds without any answer.

    `TCP_USER_TIMEOUT` counts if there is data to deliver, the others if the connection is idle.
    Options that this operating system does not have are left out.
    """
    wanted = {
        "TCP_USER_TIMEOUT": seconds * 1_000,  # in milliseconds
        "TCP_KEEPIDLE": seconds // PROBES,
        "TCP_KEEPINTVL": seconds // PROBES,
        "TCP_KEEPCNT": PROBES - 1,
    }
    return {getattr(socket, name): value for name, value in wanted.items() if hasattr(socket, name)}
