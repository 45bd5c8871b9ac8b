"""The user's project: where it is, how it runs, and how it is kept away from its own broker."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from lab.project.describing import INJECTED, LAUNCHER, App, Asked, describe
from lab.project.description import Description, read_app
from lab.project.endpoints import Endpoint, endpoints
from tasks.celery import use_plain_broker
from tasks.errors import UsageError
from tasks.transport_options import TRANSPORTS, transport_called

#: Modules that each of its workers loads: the probe, and the settings of the private broker.
INCLUDED: Final = ("poolwise_probe", "poolwise_settings")
#: Seconds that the app may take to load.
LOAD_S: Final = 60.0
#: The oldest versions with which kombu_lease works.
LEASE_PYTHON: Final = (3, 11)
LEASE_KOMBU: Final = (5, 5)
#: What to do if it cannot be loaded.
OTHER_PYTHON: Final = (
    "run this in the folder where you start your workers; if your project uses another Python, "
    "name it with --python"
)
#: Variables that Celery prefers to all settings of an app.
URL_VARIABLES: Final = (
    "CELERY_BROKER_URL",
    "CELERY_BROKER_READ_URL",
    "CELERY_BROKER_WRITE_URL",
    "CELERY_RESULT_BACKEND",
)
#: Variables in which the user's shell may name the project's broker; the last three are options of
#: the `celery` command.
SHELL_VARIABLES: Final = (*URL_VARIABLES, "BROKER_URL", "CELERY_BROKER", "RESULT_BACKEND")


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

    @property
    def transport(self) -> str:
        """How its own workers talk to Redis: lease if it says so, otherwise stock."""
        found = self.description
        named = [url.partition(":")[0] for url in found.urls]
        named.append(str(found.settings.get("broker_transport") or ""))
        return TRANSPORTS[1] if TRANSPORTS[1] in map(transport_called, named) else TRANSPORTS[0]

    @property
    def worker_pool(self) -> object:
        """Its setting `worker_pool`, which overrides a typed `--pool prefork`."""
        return self.description.settings.get("worker_pool")

    def lend_lease(self) -> None:
        """Let its workers import our kombu_lease, unless it has one of its own.

        Raises UsageError if its Python or its kombu is too old for that.
        """
        found = self.description
        kombu = found.versions.get("kombu", "none")
        for name, version, oldest in (
            ("Python", found.python, LEASE_PYTHON),
            ("kombu", kombu, LEASE_KOMBU),
        ):
            if _numbers(version) < oldest:
                raise UsageError(
                    f"--transport lease needs {name} {'.'.join(map(str, oldest))} or newer in your "
                    f"project, which has {version}: leave it out, or upgrade"
                )
        _lend(self.tools, ("kombu_lease",))

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
    to although a broker is there. From here on, this process sends tasks to a broker as the
    project's private workers expect them.

    Raises UsageError if the app cannot be loaded, or takes too long.
    """
    tools = logs / "project"
    _prepare(tools)
    shell = [environment[name] for name in SHELL_VARIABLES if environment.get(name)]
    known = endpoints(url for value in shell for url in value.split(";"))
    loaded = App(name=app, folder=folder, python=python, fix=OTHER_PYTHON)
    env = _away(known - allowed, tools / "attempts")
    asked = Asked(what="app", limit_s=LOAD_S, env=env, log=tools / "describe.log")
    found = read_app(loaded, describe(loaded, asked))
    _lend(tools, found.missing)
    use_plain_broker()
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
    fallback.mkdir(exist_ok=True)
    for module in modules:
        ours = find_spec(module)
        assert ours is not None and ours.origin is not None  # noqa: S101, PT018 - a dependency
        package = Path(ours.origin).parent
        # kombu also asks for redis-py's version, which is in a folder next to it.
        for found in (package, *package.parent.glob(f"{module}-*.dist-info")):
            (fallback / found.name).symlink_to(found)


def _numbers(version: str) -> tuple[int, ...]:
    """Return the first two numbers of a version."""
    return tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())


def _away(shell_urls: frozenset[Endpoint], attempts: Path) -> dict[str, str]:
    """Return the variables that keep the project away from its broker while it is loaded."""
    return {
        **dict.fromkeys(URL_VARIABLES[:3], "memory://"),
        "CELERY_RESULT_BACKEND": "cache+memory://",
        **_guard(shell_urls, attempts),
    }


def _guard(forbidden: frozenset[Endpoint], attempts: Path) -> dict[str, str]:
    return {
        "POOLWISE_FORBIDDEN": json.dumps(sorted(forbidden)),
        "POOLWISE_ATTEMPTS": str(attempts),
    }
