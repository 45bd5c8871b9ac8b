"""What Poolwise knows of the user's project, as its own interpreter describes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from tasks.errors import UsageError, suggestion

#: How many names an error shows.
MOST_NAMES = 12
#: The oldest Celery that is supported.
OLDEST_CELERY = (5, 3)


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

    def task(self, name: str) -> TaskDescription:
        """Return a task; raise UsageError with the closest names if there is none."""
        if name in self.tasks:
            return self.tasks[name]
        raise UsageError(f"no task named {name!r} in {self.name} ({_others(name, self.tasks)})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why the app could not be loaded."""

    error: str
    kind: str
    missing: str  # the module that does not exist, if that is the reason
    traceback: str


def decode(app: str, text: bytes) -> Description:
    """Read a description; raise UsageError, which names the fix, if the app could not be loaded."""
    try:
        found = msgspec.json.decode(text, type=Description)
    except msgspec.ValidationError:
        raise _error(app, msgspec.json.decode(text, type=Failure)) from None
    version = tuple(int(part) for part in found.celery.split(".")[:2] if part.isdecimal())
    if version < OLDEST_CELERY:
        oldest = ".".join(map(str, OLDEST_CELERY))
        raise UsageError(
            f"the project uses Celery {found.celery}; Poolwise needs {oldest} or newer there"
        )
    if not {"json", "application/json"} & set(found.accepts):
        raise UsageError(
            "the project does not accept JSON (accept_content), but Poolwise sends only JSON"
        )
    return found


def _error(app: str, failure: Failure) -> UsageError:
    if failure.kind == "ModuleNotFoundError":
        module = app.partition(":")[0]
        if failure.missing and (
            module == failure.missing or module.startswith(f"{failure.missing}.")
        ):
            return UsageError(
                f"no module named {failure.missing!r} here: run the command in the folder from "
                f"which you start your workers, or check -A {app}"
            )
        if failure.missing == "celery":
            return UsageError(
                "this interpreter has no Celery: name your project's own with --python"
            )
    if failure.kind == "SystemExit":
        return UsageError(f"the app {app} ends the process when it is imported ({failure.error})")
    return UsageError(f"the app {app} cannot be loaded: {failure.error.splitlines()[-1]}")


def _others(name: str, known: dict[str, TaskDescription]) -> str:
    near = suggestion(name, known)
    names = sorted(known)
    shown = ", ".join(names[:MOST_NAMES])
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return (
        f"{near}known: {shown}{more}" if names else "it has no tasks: are their modules in imports?"
    )
