"""The calls that a user wants to measure: a task with its arguments, from options or a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from producer.plan import Work
from tasks.errors import UsageError

#: The most distinct calls; more make no measurement more realistic.
MOST_CALLS = 1_000
#: The longest file of calls, in bytes.
LONGEST_FILE = 50_000_000


def from_options(task: str, args: Sequence[str], kwargs: Sequence[str]) -> tuple[Work, ...]:
    """Return a call for each `--args` with the `--kwargs` in the same place.

    If there is only one of either, it belongs to all of the other. Raises UsageError if one is not
    JSON of the right kind, or their numbers do not fit.
    """
    lists = [_loaded("--args", text, list, "'[1, \"a\"]'") for text in args] or [[]]
    objects = [_loaded("--kwargs", text, dict, "'{\"a\": 1}'") for text in kwargs] or [{}]
    if len(lists) > 1 and len(objects) > 1 and len(lists) != len(objects):
        raise UsageError(
            f"there are {len(lists)} --args and {len(objects)} --kwargs: give the same number of "
            "each, or only one --args or one --kwargs for all calls"
        )
    number = max(len(lists), len(objects))
    lists = lists * number if len(lists) == 1 else lists
    objects = objects * number if len(objects) == 1 else objects
    return tuple(
        Work(task=task, args=tuple(one), kwargs=more)
        for one, more in zip(lists, objects, strict=True)
    )


def from_file(path: Path, task: str = "") -> tuple[Work, ...]:
    """Read a file with one call per line: {"task": …, "args": […], "kwargs": {…}}.

    `task` is the task of lines that name none. Raises UsageError that names the line.
    """
    try:
        if path.stat().st_size > LONGEST_FILE:
            raise UsageError(f"--calls {path} is larger than {LONGEST_FILE // 1_000_000} MB")
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UsageError(f"--calls {path} cannot be read: {reason}") from None
    calls = tuple(
        _call(f"--calls {path}, line {number}", line, task)
        for number, line in enumerate(lines, start=1)
        if line.strip()
    )
    if not 0 < len(calls) <= MOST_CALLS:
        raise UsageError(f"--calls {path} has {len(calls):,} calls; it needs 1 to {MOST_CALLS:,}")
    return calls


def _call(source: str, line: str, task: str) -> Work:
    found = _loaded(source, line, dict, '{"args": [1], "kwargs": {}}')
    unknown = sorted(found.keys() - {"task", "args", "kwargs"})
    if unknown:
        raise UsageError(f"{source}: unknown key {unknown[0]!r}; known: task, args, kwargs")
    name, args, kwargs = found.get("task", task), found.get("args", []), found.get("kwargs", {})
    if not isinstance(name, str) or not name:
        raise UsageError(f'{source} names no task: add "task": "shop.tasks.fetch_price"')
    if not isinstance(args, list) or not isinstance(kwargs, dict):
        raise UsageError(f"{source}: args must be a list, and kwargs an object")
    return Work(task=name, args=tuple(args), kwargs=kwargs)


def _loaded(source: str, text: str, kind: type, example: str) -> Any:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise UsageError(f"{source} is not JSON; it should look like {example}") from None
    if not isinstance(found, kind):
        raise UsageError(f"{source} is JSON of the wrong type; it should look like {example}")
    return found
