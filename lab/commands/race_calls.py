"""The part of `poolwise race` that races the calls of the user's own project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import join
from typing import Any

from lab.commands import project_options, shared_options
from lab.format import words
from lab.measure.call_workloads import MOST_TASKS, groups
from lab.project.calls import chosen
from lab.project.consent import consent
from lab.project.endpoints import Endpoint, given
from lab.project.first_tries import MOST_RUNS
from lab.project.interpreter import find_python
from lab.project.project import Project, open_project
from lab.race.race_options import RaceOptions
from producer.plan import Work
from tasks.errors import UsageError
from tasks.transport_options import TRANSPORTS
from worker.pools import Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class CallsToRace:
    """The calls of an app, as the options name them."""

    app: str
    python: Path
    calls: tuple[Work, ...]
    allowed: frozenset[Endpoint]
    yes: bool
    flags: str  # that name all of it again
    transports: tuple[str, ...] = ()  # as typed; empty: the project's own


def asked(named: Mapping[str, Any], *, on_running: bool) -> CallsToRace | None:
    """Return the calls that the options name; None if they name none.

    Raises UsageError if the options do not fit together.
    """
    task, args, kwargs, calls = (named[name] for name in ("task", "args", "kwargs", "calls"))
    if not (task or args or kwargs or calls):
        return None
    app = named["project"]
    if app is None:
        raise UsageError("to race your own task, name its app with -A, such as -A shop.celery")
    if on_running:
        raise UsageError(
            "--on-running races Poolwise's own tasks: add --on-new to race yours on new workers"
        )
    if shared_options.was_typed("broker"):
        raise UsageError("your tasks run on a private broker: leave out --broker")
    return CallsToRace(
        app=app,
        python=find_python(named["python"], Path.cwd()),
        calls=chosen(task, args, kwargs, calls),
        allowed=frozenset(map(given, named["allow"])),
        yes=named["yes"],
        flags=join(_flags(named)),
        # A variable is for Poolwise's own workers.
        transports=named["transports"] if shared_options.was_typed("transports") else (),
    )


def workloads(text: str | None, calls: tuple[Work, ...]) -> tuple[str, ...]:
    """Return the chosen workloads: tasks by name, or `mix`; by default, each task.

    Raises UsageError for an unknown one.
    """
    known = groups(calls)
    if text is None:
        return tuple(sorted({call.task for call in calls}))
    wanted = tuple(dict.fromkeys(shared_options.names(text)))
    for name in wanted:
        if name not in known:
            raise UsageError.unknown("workload", name, known)
    if not wanted:
        raise UsageError("--workloads is empty: name at least one workload")
    return wanted


def opened(theirs: CallsToRace, options: RaceOptions, folder: Path) -> RaceOptions:
    """Load the project, ask whether its tasks may run, and return the options with both.

    `folder` takes the logs. Raises UsageError if the project cannot be used or nobody agrees.
    """
    project = open_project(theirs.app, Path.cwd(), theirs.python, folder.absolute(), theirs.allowed)
    for name in sorted({call.task for call in theirs.calls}):
        project.description.task(name)
    options = replace(
        options,
        project=project,
        calls=theirs.calls,
        pools=_pools(options, project),
        project_flags=theirs.flags,
        transports=theirs.transports or (project.transport,),
    )
    if TRANSPORTS[1] in options.transports:
        project.lend_lease()
    lines = consent(project.description, project.python, _runs(options))
    project_options.confirm(lines, yes=theirs.yes)
    return options


def _pools(options: RaceOptions, project: Project) -> tuple[Pool, ...]:
    """Return the pools that can run in the project's environment."""
    present = project.description.has_gevent
    lacking = [pool for pool in options.pools if pool.needs_module and not present]
    if lacking and options.pools_typed:
        raise UsageError(
            f"{lacking[0].needs_module} is not installed in your project: install it there, or "
            "leave it out of --pools"
        )
    return tuple(pool for pool in options.pools if pool not in lacking)


def _runs(options: RaceOptions) -> str:
    """Say how often the tasks will run at most."""
    number = len(options.pools) * len(options.transports) * options.repeats
    tasks = ", ".join(options.workloads)
    each = "each " if len(options.workloads) > 1 else ""
    repeats = "1 repeat" if number == 1 else f"each of {number} repeats"
    return (
        f"{tasks}, for real: {each}up to {MOST_RUNS + 1} times alone, once in each slot, and up to "
        f"{words.count(MOST_TASKS)} times in {repeats}; Poolwise first prints how many it plans"
    )


def _flags(named: Mapping[str, Any]) -> list[str]:
    pairs = [
        ("-A", named["project"]),
        *(("--args", one) for one in named["args"]),
        *(("--kwargs", one) for one in named["kwargs"]),
        ("--calls", str(named["calls"] or "")),
        ("--python", named["python"]),
        *(("--allow", one) for one in named["allow"]),
    ]
    task = [named["task"]] if named["task"] else []
    return task + [word for flag, value in pairs if value for word in (flag, value)]
