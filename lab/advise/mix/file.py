"""Reads a mix of tasks from the file that `--all-from` names."""

from __future__ import annotations

from math import gcd
from pathlib import Path
from typing import Final

from lab.advise.task_mix import Mix
from lab.project.calls import weighted_from_file
from tasks.errors import UsageError

#: The most tasks in one whole mix: a measurement should contain several whole mixes.
MOST_SIZE: Final = 1_000
#: The most distinct tasks; each of them is tried alone first.
MOST_TASKS: Final = 20


def from_file(path: Path) -> Mix:
    """Read a file with one call per line: {"task": …, "args": …, "kwargs": …, "weight": 3}.

    Raises UsageError that names the line, or says why the whole is not a mix.
    """
    found = weighted_from_file(path, option="--all-from")
    divisor = gcd(*(weight for _, weight in found))
    mix = Mix(
        calls=tuple(call for call, _ in found),
        weights=tuple(weight // divisor for _, weight in found),
    )
    source = f"--all-from {path}"
    if len(mix.tasks) < 2:
        raise UsageError(f"{source} names only {mix.tasks[0]}: use --calls for a single task")
    if len(mix.tasks) > MOST_TASKS:
        raise UsageError(
            f"{source} names {len(mix.tasks)} tasks, but the limit is {MOST_TASKS}: leave out "
            "those that run least"
        )
    if mix.size > MOST_SIZE:
        raise UsageError(
            f"the weights in {source} add up to {mix.size:,}; use smaller numbers, up to "
            f"{MOST_SIZE:,} in all"
        )
    return mix
