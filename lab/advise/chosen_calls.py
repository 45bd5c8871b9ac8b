"""The calls to measure, from whichever way the user has named them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lab.advise.mix import file
from lab.advise.task_mix import Mix
from lab.project import calls as project_calls
from producer.plan import Work
from tasks.errors import UsageError


def chosen_calls(
    task: str,
    args: Sequence[str],
    kwargs: Sequence[str],
    calls: Path | None,
    all_from: Path | None,
) -> tuple[tuple[Work, ...], Mix | None]:
    """Return the calls, and the mix that they make up if there is one.

    Raises UsageError, which names the fix, if the options do not go together or name no task.
    """
    if all_from is not None:
        if task or args or kwargs or calls:
            raise UsageError(
                "the file of --all-from names the tasks: remove TASK, --args, --kwargs and --calls"
            )
        mix = file.from_file(all_from)
        return mix.calls, mix
    return project_calls.chosen(task, args, kwargs, calls), None
