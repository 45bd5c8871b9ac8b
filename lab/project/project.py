"""The user's project: where it is, how it runs, and how it is kept away from its own broker."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from cluster.process import tail
from lab.project.description import Description, decode
from lab.project.endpoints import Endpoint, endpoints
from tasks.errors import UsageError, WorkerError

#: Files that run in the project's interpreter.
INJECTED: Final = Path(__file__).parent / "injected"
LAUNCHER: Final = "poolwise_isolated.py"
DESCRIBE: Final = "poolwise_describe.py"
#: Modules that each of its workers loads: the probe, and the settings of the private broker.
INCLUDED: Final = ("poolwise_probe", "poolwise_settings")
#: Seconds that the app may take to load.
LOAD_S: Final = 60.0
#: Variables in which the user's shell may name the project's broker.
URL_VARIABLES: Final = (
    "CELERY_BROKER_URL",
    "CELERY_BROKER_READ_URL",
    "CELERY_BROKER_WRITE_URL",
    "CELERY_RESULT_BACKEND",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A Celery project that Poolwise may run, without changing or installing anything in it."""

    app: str  # as in `celery -A APP`
    folder: Path  # where its workers are started
    python: Path
    tools: Path  # a folder of files to inject, which belongs to this run
    description: Description
    forbidden: frozenset[Endpoint] = field(default_factory=frozenset)

    @property
    def attempts(self) -> Path:
        """The file that gets a line for each refused connection."""
        return self.tools / "attempts"

    @property
    def launcher(self) -> tuple[str, ...]:
        """The command that runs `celery` in the project's interpreter, isolated."""
        return (str(self.python), str(self.tools / LAUNCHER), "celery")

    def environment(self, broker_url: str) -> dict[str, str]:
        """Return the variables that lead every process of the project to the private broker."""
        return {
            **dict.fromkeys(URL_VARIABLES, broker_url),
            "POOLWISE_PRIVATE_BROKER": broker_url,
            "POOLWISE_RECORDS_URL": broker_url,
            **_guard(self.forbidden, self.attempts),
        }

    def refused(self) -> list[str]:
        """Return the addresses that its processes tried to connect to, each once."""
        try:
            lines = self.attempts.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return []
        return list(dict.fromkeys(lines))


def open_project(
    app: str,
    folder: Path,
    python: Path,
    logs: Path,
    allowed: frozenset[Endpoint] = frozenset(),
    environment: Mapping[str, str] = os.environ,
) -> Project:
    """Load the app in its own interpreter, and return what is needed to run its workers.

    `logs` takes the files to inject and the log. `allowed` are addresses that its tasks may connect
    to although a broker is there.

    Raises UsageError if the app cannot be loaded, WorkerError if loading it takes too long.
    """
    tools = logs / "project"
    _prepare(tools)
    shell = [environment[name] for name in URL_VARIABLES if environment.get(name)]
    known = endpoints(url for value in shell for url in value.split(";"))
    found = decode(app, _describe(app, folder, python, tools, known - allowed))
    _lend(tools, found.missing)
    return Project(
        app=app,
        folder=folder,
        python=python,
        tools=tools,
        description=found,
        forbidden=(known | endpoints(found.urls)) - allowed,
    )


def _prepare(tools: Path) -> None:
    """Copy the files to inject, so that they are alone in their folder."""
    probe = find_spec("worker.probe")
    assert probe is not None and probe.origin is not None  # noqa: S101, PT018 - it is ours
    tools.mkdir()
    for file in INJECTED.glob("*.py"):
        shutil.copy(file, tools)
    shutil.copy(probe.origin, tools / "poolwise_probe.py")


def _lend(tools: Path, modules: Iterable[str]) -> None:
    """Let the project's interpreter import our copies of `modules`, which are pure Python.

    A project whose broker is RabbitMQ has no redis-py, nor what kombu needs with it.
    """
    fallback = tools / "fallback"
    fallback.mkdir()
    for module in modules:
        ours = find_spec(module)
        assert ours is not None and ours.origin is not None  # noqa: S101, PT018 - a dependency
        package = Path(ours.origin).parent
        # kombu also asks for redis-py's version, which is in a folder next to it.
        for found in (package, *package.parent.glob(f"{module}-*.dist-info")):
            (fallback / found.name).symlink_to(found)


def _describe(
    app: str, folder: Path, python: Path, tools: Path, forbidden: frozenset[Endpoint]
) -> bytes:
    answer, log = tools / "description.json", tools / "describe.log"
    command = [str(python), str(tools / LAUNCHER), str(tools / DESCRIBE), app, str(answer)]
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={
                **os.environ,
                **dict.fromkeys(URL_VARIABLES[:3], "memory://"),
                "CELERY_RESULT_BACKEND": "cache+memory://",
                **_guard(forbidden, tools / "attempts"),
            },
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            process.wait(LOAD_S)
        except subprocess.TimeoutExpired:
            raise WorkerError(
                f"the app {app} was not loaded within {LOAD_S:g} s; does it wait for something "
                f"when it is imported? The last lines of {log}:\n{tail(log)}"
            ) from None
        finally:
            process.kill()
            process.wait()
    try:
        text = answer.read_bytes()
        answer.unlink()  # it holds the passwords of the project's brokers
        return text
    except FileNotFoundError:
        raise UsageError(
            f"the app {app} cannot be loaded (exit code {process.returncode}); the last lines of "
            f"{log}:\n{tail(log)}"
        ) from None


def _guard(forbidden: frozenset[Endpoint], attempts: Path) -> dict[str, str]:
    return {
        "POOLWISE_FORBIDDEN": json.dumps(sorted(forbidden)),
        "POOLWISE_ATTEMPTS": str(attempts),
    }
