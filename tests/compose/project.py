"""A Compose project under test: commands with a timeout, and a list of what they leave behind.

It must not know what the services do.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.paths import ROOT

#: Default timeout of one command, in seconds.
TIMEOUT_S = 200.0
#: The image that the tests build; not the default name, so that a developer's image is kept.
IMAGE = "poolwise-ring"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project with its own name; `variables` are set in the shell of its user."""

    name: str
    variables: Mapping[str, str]
    files: tuple[str, ...] = ("docker-compose.yml",)

    @property
    def redis_url(self) -> str:
        """The URL of the project's Redis, if publish.yml publishes it."""
        return f"redis://127.0.0.1:{self.variables['RING_REDIS_PORT']}/0"

    def compose(
        self,
        *words: str,
        expect: int | None = 0,
        env: Mapping[str, str] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> str:
        """Run `docker compose …` and return its stdout and stderr.

        `env` is added to the shell's variables. Fails, with the output, if the exit code is not
        `expect`; None accepts any code.
        """
        files = [word for file in self.files for word in ("--file", str(ROOT / file))]
        command = ["docker", "compose", "--ansi", "never", "--progress", "plain"]
        command += ["--project-directory", str(ROOT), "--project-name", self.name]
        return run(
            [*command, *files, *words],
            expect=expect,
            timeout_s=timeout_s,
            env={"POOLWISE_IMAGE": IMAGE, **self.variables, **(env or {})},
        )

    def containers(self, service: str) -> list[str]:
        """Return the ids of a service's running containers."""
        return self.compose("ps", "--quiet", service).split()

    def inspect(self, service: str) -> dict[str, Any]:
        """Return `docker inspect` of the service's first container."""
        found: list[dict[str, Any]] = json.loads(
            run(["docker", "inspect", self.containers(service)[0]])
        )
        return found[0]

    def log(self, service: str) -> str:
        """Return the full log of a service's containers."""
        return self.compose("logs", "--no-color", "--no-log-prefix", service)

    def down(self) -> None:
        """Remove the services of all profiles, with their volumes."""
        self.compose("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "5")

    def leftovers(self) -> dict[str, list[str]]:
        """Return the containers, volumes and networks that still exist, by kind."""
        label = f"label=com.docker.compose.project={self.name}"
        listings = {
            "containers": ["docker", "ps", "--all"],
            "volumes": ["docker", "volume", "ls"],
            "networks": ["docker", "network", "ls"],
        }
        found = {
            kind: run([*command, "--quiet", "--filter", label]).split()
            for kind, command in listings.items()
        }
        return {kind: names for kind, names in found.items() if names}


def run(
    command: list[str],
    *,
    expect: int | None = 0,
    env: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
) -> str:
    """Run a command within `timeout_s` and return its stdout and stderr."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=timeout_s,
    )
    assert expect is None or done.returncode == expect, (
        f"{' '.join(command)} ended with {done.returncode}, not {expect}:\n{done.stdout[-4_000:]}"
    )
    return done.stdout
