"""Has the project's own interpreter describe the app, in a process that ends whatever happens.

Importing an app runs code of the user's, which may hang, print, end Python or start processes. All
of it is registered with the reaper, so nothing of it is left even if Poolwise is killed.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from cluster.process import Child
from cluster.reaper import Reaper
from tasks.errors import UsageError

#: Files that run in the project's interpreter.
INJECTED: Final = Path(__file__).parent / "injected"
#: The one that runs all others there, away from the project's broker.
LAUNCHER: Final = "poolwise_isolated.py"
DESCRIBE: Final = "poolwise_describe.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A Celery app of the user's, and how it is loaded."""

    name: str  # as in `celery -A NAME`
    folder: Path  # where its workers are started
    python: Path
    fix: str  # what the user can do if it cannot be loaded

    def unusable(self, reason: str) -> UsageError:
        """Return the error that says why it cannot be used, and what to do."""
        return UsageError(f"-A {self.name}: {reason}: {self.fix}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked of an app, and under which conditions."""

    what: Literal["app", "broker"]
    limit_s: float  # that loading it may take
    env: Mapping[str, str] = field(default_factory=dict)  # added to the environment
    log: Path | None = None  # takes what the app prints; None: nobody reads it


def describe(app: App, asked: Asked) -> bytes:
    """Load the app and return what it is, as JSON, or why it could not be loaded.

    Raises UsageError if the process ends without an answer, or is not done in time.
    """
    with closing(Reaper()) as reaper:
        # In the folder that the reaper removes, because it may hold passwords.
        answer = reaper.scratch / "description.json"
        command = [str(app.python), str(INJECTED / LAUNCHER), str(INJECTED / DESCRIBE)]
        child = Child(
            "description",
            [*command, asked.what, app.name, str(answer)],
            log=asked.log or reaper.scratch / "describe.log",
            registry=reaper,
            env=asked.env,
            cwd=app.folder,
        )
        try:
            in_time = child.ends_within(asked.limit_s)
        finally:
            child.kill()  # with all that the app has started
        if answer.exists():
            return answer.read_bytes()
        seen = f" (its output is in {asked.log})" if asked.log else ""
        how = _ending(child) if in_time else f"importing it takes longer than {asked.limit_s:g} s"
        raise app.unusable(f"{how}{seen}")


def _ending(child: Child) -> str:
    code = child.exit_code or 0
    if code < 0:
        return f"a signal ended Python while importing it ({child.how_it_ended()})"
    return f"Python exits with code {code} while importing it"
