"""The worker containers of docker compose in this folder; it touches none but Poolwise's own."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from tasks.errors import UsageError, WorkerError

#: A label that every container of Poolwise's docker-compose.yml has.
OURS: Final = "poolwise.files"
#: Seconds that a docker command may take.
COMMAND_S: Final = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A running worker container."""

    id: str
    service: str
    networks: tuple[str, ...]

    @property
    def pool(self) -> str:
        """The name of the pool, which is in the name of its service."""
        return self.service.removeprefix("worker-")


def workers(pools: Sequence[str]) -> list[Container]:
    """Return the running workers of these pools, one container for each.

    Raises UsageError if docker is missing, or no such worker of Poolwise runs.
    """
    if shutil.which("docker") is None:
        raise UsageError(
            "--on-compose needs docker, which is not on the PATH: install it, or leave out "
            "--on-compose"
        )
    ids = docker("compose", "ps", "--quiet", "--status", "running").split()
    found = [_container(one) for one in (_inspected(ids) if ids else [])]
    by_pool = {one.pool: one for one in found if one and one.service.startswith("worker-")}
    chosen = [by_pool[name] for name in pools if name in by_pool]
    if not chosen:
        raise UsageError(
            f"no worker of docker compose runs in this folder for {', '.join(pools)}: start the "
            "cluster with `docker compose up -d --wait`"
        )
    return chosen


def docker(*words: str) -> str:
    """Run a docker command; return its output.

    Raises WorkerError, with the first line of its errors that is not empty, if it fails.
    """
    try:
        done = subprocess.run(
            ["docker", *words], capture_output=True, text=True, timeout=COMMAND_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise WorkerError(f"docker {words[0]} takes more than {COMMAND_S:g} s") from error
    if done.returncode:
        first = (done.stderr.strip().splitlines() or ["no message"])[0]
        raise WorkerError(f"docker {' '.join(words[:2])} failed: {first}")
    return done.stdout


def state(container: Container) -> str:
    """Return the state of a container, such as "running", "paused" or "exited"."""
    return docker("inspect", "--format", "{{.State.Status}}", container.id).strip()


def _inspected(ids: Sequence[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(docker("inspect", *ids))
    return found


def _container(found: dict[str, Any]) -> Container | None:
    labels = found["Config"]["Labels"] or {}
    if OURS not in labels:
        return None
    return Container(
        id=found["Id"][:12],
        service=labels.get("com.docker.compose.service", ""),
        networks=tuple(found["NetworkSettings"]["Networks"]),
    )
