"""The echo server as a child process, and the account that it gives when it is stopped."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from cluster.process import Child, ChildRegistry
from cluster.server_process import start_server
from tasks.errors import PoolwiseError


@dataclass(frozen=True, slots=True, kw_only=True)
class EchoCounts:
    """What an echo server has done, as it counted itself."""

    accepted: int  # connections
    most_at_once: int  # connections that it talked with at the same time
    messages: int  # sent back


def start_echo_server(kind: str, folder: Path, registry: ChildRegistry) -> tuple[Child, int]:
    """Start one of the builds in `cluster.echo_server` and return it with its port.

    Raises PoolwiseError, with its log's tail, where it does not listen.
    """
    return start_server(f"echo server {kind}", ["cluster.echo_server", kind], folder, registry)


def counts_of(child: Child) -> EchoCounts:
    """Return the account of a server that has been stopped; PoolwiseError where it gave none."""
    lines = child.log.read_text().splitlines()
    try:
        return EchoCounts(**json.loads(lines[-1]))
    except (ValueError, TypeError):
        raise PoolwiseError(f"the {child.name} failed; its log:\n{child.log_tail()}") from None
