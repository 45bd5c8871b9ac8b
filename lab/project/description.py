"""What Poolwise knows of the user's project, as its own interpreter describes it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import msgspec

from lab.project.describing import App
from tasks.errors import UsageError, suggestion
from worker.options import Delivery

T = TypeVar("T")

#: How many names an error shows.
MOST_NAMES: Final = 12
#: Messages that a worker fetches per slot, unless the app or the command line says otherwise.
CELERY_PREFETCH: Final = Delivery().prefetch_multiplier
#: The oldest Celery that is supported.
OLDEST_CELERY: Final = (5, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDescription:
    """One task of the project."""

    module: str
    options: dict[str, Any]  # such as time_limit; the task's own, or the app's


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A project's app; `lab/project/injected/poolwise_describe.py` makes it."""

    celery: str
    python: str
    name: str
    has_gevent: bool
    missing: tuple[str, ...]  # modules that its workers need for a Redis broker
    urls: tuple[str, ...]  # of its own brokers and result backend; they may hold passwords
    scheduled: int  # entries in its beat schedule
    accepts: tuple[str, ...]  # content types
    stores_results: bool
    settings: dict[str, Any]
    tasks: dict[str, TaskDescription]
    versions: dict[str, str] = field(default_factory=dict)  # of kombu, redis and gevent
    redis_problem: str = ""  # why its kombu refuses its redis-py; empty: it does not

    @property
    def prefetch_multiplier(self) -> int:
        """Its `worker_prefetch_multiplier`, or Celery's default if that is unknown; 0: no limit."""
        value = self.settings.get("worker_prefetch_multiplier")
        return max(0, int(value)) if isinstance(value, int | float) else CELERY_PREFETCH

    def task(self, name: str) -> TaskDescription:
        """Return a task; raise UsageError with the closest names if there is none."""
        if name in self.tasks:
            return self.tasks[name]
        raise UsageError(f"no task named {name!r} in {self.name} ({_others(name, self.tasks)})")


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerDescription:
    """How a project's app reaches its broker."""

    url: str
    tls: dict[str, Any] | bool  # `broker_use_ssl`
    options: dict[str, Any]  # `broker_transport_options`


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why the app could not be loaded."""

    error: str
    kind: str
    missing: str  # the module that does not exist, if that is the reason


def read(app: App, text: bytes, kind: type[T]) -> T:
    """Read a description; raise UsageError, which names the fix, if the app could not be loaded."""
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError:
        failure = msgspec.json.decode(text, type=Failure)
    raise app.unusable(_reason(app, failure))


def read_app(app: App, text: bytes) -> Description:
    """Read the description of an app whose workers Poolwise is to run.

    Raises UsageError too if its Celery is too old, if it does not accept JSON, or if its workers
    cannot use a Redis broker.
    """
    found = read(app, text, Description)
    version = tuple(int(part) for part in found.celery.split(".")[:2] if part.isdecimal())
    if version < OLDEST_CELERY:
        oldest = ".".join(map(str, OLDEST_CELERY))
        raise UsageError(
            f"the project uses Celery {found.celery}; Poolwise needs {oldest} or newer there"
        )
    if not {"json", "application/json"} & set(found.accepts):
        raise UsageError(
            'Poolwise sends only JSON, which the project does not accept: add "json" to '
            "accept_content"
        )
    if found.redis_problem:
        raise UsageError(
            f"Poolwise's private broker is a Redis server, and the kombu of {app.python} cannot "
            f"use the redis-py that is installed there ({found.redis_problem}): install compatible "
            "versions"
        )
    return found


def _reason(app: App, failure: Failure) -> str:
    """Say in one line why the app could not be loaded, without addresses: they hold passwords."""
    module, missing = app.name.partition(":")[0], failure.missing
    if missing and f"{module}.".startswith(f"{missing}."):
        return f"no module named {missing} in {app.folder}"
    if missing == "celery":
        return f"{app.python} has no Celery"
    if missing:
        return f"it imports {missing}, which {app.python} does not have"
    if failure.kind == "NoAppError":
        what = failure.error
        found = f"that is a {what}, not a Celery app" if what else "there is no Celery app"
        return f"{found} (name it as you do for celery, such as -A PACKAGE.MODULE:APP)"
    line = re.sub(r"\S*://\S*", "(an address)", " ".join(failure.error.split()))
    if failure.kind == "SystemExit":
        number = re.fullmatch(r"-?\d{1,9}", line)  # of which the system keeps 8 bits
        code = str(int(line) & 255) if number else f"{1 if line else 0} ({line})"
        return f"Python exits with code {code.removesuffix(' ()')} while importing it"
    return f"importing it fails ({failure.kind}: {line})"


def _others(name: str, known: dict[str, TaskDescription]) -> str:
    near = suggestion(name, known)
    names = sorted(known)
    shown = ", ".join(names[:MOST_NAMES])
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return (
        f"{near}known: {shown}{more}"
        if names
        else "it has no tasks: name their modules in the setting imports"
    )
