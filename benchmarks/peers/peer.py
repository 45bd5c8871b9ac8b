"""Installs a library, prepares its backlog, and starts its workers on a `QueueBench`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from benchmarks.peers.libraries import APPS, Library, PeerSetting
from benchmarks.queue_bench import START_S, QueueBench, until
from cluster.ports import LOOPBACK
from cluster.process import Child

ROOT = Path(__file__).resolve().parents[2]
PINS = ROOT / "benchmarks" / "peers" / "pins"
#: The database that keeps the backlogs, because the workers' one is emptied before each run.
STORE = "2"
#: The workers' database.
OWN = "0"
#: Where a backlog waits until the workers are ready.
STAGED = "peers.staged"


class Peer:
    """A library in an environment of its own, with a backlog."""

    def __init__(self, bench: QueueBench, library: Library) -> None:
        self.library = library
        self._bench = bench
        self._store = redis.Redis(port=bench.port, db=int(STORE))
        pins, file = library.pins, str(PINS / f"{library.pins}.txt")
        self._python = _output("scripts/setup-pins", sys.executable, f".venv-peer-{pins}", file)

    def folder(self) -> Path:
        """Return where its packages are installed."""
        code = "import sysconfig; print(sysconfig.get_path('purelib'))"
        return Path(_output(self._python, "-c", code))

    def fill(self, tasks: int) -> None:
        """Enqueue the backlog with the library's own producer, and keep it."""
        library = self.library
        self._store.delete(library.queue, *library.beside)
        code = f"from {APPS}.{library.app} import fill; fill({tasks})"
        env = {**os.environ, "QUEUES_RAN": str(self._bench.ran), **self._env(STORE)}
        subprocess.run([self._python, "-c", code], check=True, env=env, cwd=ROOT)

    @contextmanager
    def workers(self, setting: PeerSetting) -> Iterator[Child]:
        """Start workers on an empty queue; yield their main process once all wait for messages."""
        self._bench.clear()
        command = (self._python, *self.library.command, *setting.flags)
        child = self._bench.start(command, {**self._env(OWN), **setting.env})
        try:
            until(lambda: self._waiting() >= setting.fetchers, START_S, child)
            self._stage()
            yield child
        finally:
            child.kill()

    def appear(self) -> None:
        """Make the whole backlog appear in the queue at once."""
        self._bench.client.rename(STAGED, self.library.queue)

    def held(self) -> int:
        """Return how many messages are not acknowledged."""
        return self.library.holds(self._bench.client)

    def _stage(self) -> None:
        self._store.copy(self.library.queue, STAGED, destination_db=OWN)
        for key in self.library.beside:
            self._store.copy(key, key, destination_db=OWN)

    def _waiting(self) -> int:
        clients: Any = self._bench.client.client_list()
        return sum(one["cmd"] == self.library.fetch for one in clients)

    def _env(self, database: str) -> dict[str, str]:
        return {
            "PEERS_URL": f"redis://{LOOPBACK}:{self._bench.port}/{database}",
            "PEERS_KIND": self.library.kind,
            "PYTHONPATH": str(ROOT),
        }


def version(package: str) -> str:
    """Return the version that the pins of a library have of it."""
    lines = (PINS / f"{package}.txt").read_text().splitlines()
    [found] = [line for line in lines if line.startswith(f"{package}==")]
    return found.removeprefix(f"{package}==").rstrip(" \\")


def _output(*command: str) -> str:
    ran = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    return ran.stdout.strip()
