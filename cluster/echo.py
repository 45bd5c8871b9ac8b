"""Runs an echo server as a child process that reports its counts when it stops."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from cluster.process import Child, ChildRegistry
from cluster.server_process import start_server
from tasks.errors import WorkerError


@dataclass(frozen=True, slots=True, kw_only=True)
class EchoCounts:
    """What an echo server counted while it ran."""

    accepted: int  # connections
    most_at_once: int  # connections served at the same time
    messages: int  # echoed


def start_echo_server(kind: str, folder: Path, registry: ChildRegistry) -> tuple[Child, int]:
    """Start one of the `KINDS` of `cluster.echo_server` and return it with its port.

    Raises WorkerError, with the tail of its log, if it does not listen in time.
    """
    return start_server(f"echo server {kind}", ["cluster.echo_server", kind], folder, registry)


def counts_of(child: Child) -> EchoCounts:
    """Return the counts of a stopped server; raise WorkerError if it reported none."""
    lines = child.log.read_text().splitlines()
    try:
        return EchoCounts(**json.loads(lines[-1]))
    except (ValueError, TypeError):
        raise WorkerError(child.failure()) from None
