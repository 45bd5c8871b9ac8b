"""The broker of one trial, which can be ended and started again with its data."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import redis

from cluster.broker import AppendOnly, start_broker
from cluster.process import Child, ChildRegistry

#: Seconds that the server may take to save its data and end.
STOP_S = 10.0
#: Seconds that the server may take to answer us, also while it is being hurt.
ANSWER_S = 5.0


def port_of(url: str) -> int:
    """Return the port in the URL of a server that we started."""
    return int(url.rsplit(":", 1)[1].split("/", maxsplit=1)[0])


class TrialBroker:
    """A real server at one port of loopback, whatever happens to its process."""

    def __init__(self, folder: Path, registry: ChildRegistry, append_only: AppendOnly) -> None:
        self._folder = folder
        self._registry = registry
        self._append_only = append_only
        self.child, self.url = self._started(0)
        self.client = redis.Redis.from_url(
            self.url, socket_timeout=ANSWER_S, socket_connect_timeout=ANSWER_S, retry=None
        )

    @property
    def port(self) -> int:
        """Its port, which stays the same."""
        return port_of(self.url)

    def kill(self) -> None:
        """Kill the process at once."""
        self.child.kill()

    def stop(self) -> None:
        """End it as a service manager does: SIGTERM, after which it saves what it should keep."""
        self.child.stop(STOP_S)

    def start(self) -> None:
        """Start it again at the same port, with the data that the last one left."""
        self.child, _ = self._started(self.port)

    def freeze(self) -> None:
        """Stop the process without ending it."""
        os.kill(self.child.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Continue it."""
        os.kill(self.child.pid, signal.SIGCONT)

    def close(self) -> None:
        """End it, and the connection to it."""
        self.client.close()
        self.child.kill()

    def _started(self, port: int) -> tuple[Child, str]:
        return start_broker(self._folder, self._registry, port, append_only=self._append_only)
