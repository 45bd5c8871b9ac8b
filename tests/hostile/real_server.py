"""A real server on loopback with any options, for what only a real one can do."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.broker import server_program
from cluster.ports import LOOPBACK, free_port, is_listening
from cluster.wait import wait_until


@contextmanager
def real(folder: Path, *options: str, config: Path | None = None) -> Iterator[int]:
    """Run a real server that stores nothing, and yield its port."""
    port = free_port()
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            [
                *(server_program(), *([str(config)] if config else [])),
                *("--port", str(port), "--bind", LOOPBACK, "--save", ""),
                *("--dir", str(folder), *options),
            ],
            stdout=log,
            stderr=log,
        )
        try:
            wait_until(lambda: is_listening(port), 10, lambda: AssertionError(log.name))
            yield port
        finally:
            process.kill()
            process.wait()
