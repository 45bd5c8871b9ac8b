"""The calls that a user wants to measure: a task with its arguments, from options or a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from producer.plan import Work
from tasks.errors import UsageError
from tasks.text_file import lines_of

#: The most distinct calls; more make no measurement more realistic.
MOST_CALLS = 1_000
#: The keys of a line, and the largest "weight" that it may have in a mix.
KEYS = ("task", "args", "kwargs")
MOST_WEIGHT = 1_000
#: The longest file of calls, in bytes.
LONGEST_FILE = 50_000_000


def chosen(
    task: str, args: Sequence[str], kwargs: Sequence[str], file: Path | None
) -> tuple[Work, ...]:
    """Return the calls that TASK, `--args`, `--kwargs` and `--calls` name.

    Raises UsageError, which names the fix, if they do not go together or name no task.
    """
    if file is not None:
        if args or kwargs:
            raise UsageError(
                "the file of --calls contains the arguments: remove --args and --kwargs"
            )
        return from_file(file, task)
    if not task:
        raise UsageError(
            "name the task, such as shop.tasks.fetch_price, or give a file of calls with --calls"
        )
    return from_options(task, args, kwargs)


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

    A line without a task calls `task`. Raises UsageError that names the line.
    """
    return tuple(call for call, _ in weighted_from_file(path, task, option="--calls", keys=KEYS))


def weighted_from_file(
    path: Path, task: str = "", *, option: str, keys: Sequence[str] = (*KEYS, "weight")
) -> tuple[tuple[Work, int], ...]:
    """Read a file of calls whose lines may also have a "weight": return each call with its own.

    `option` is the one that named the file. Raises UsageError that names the line.
    """
    source = f"{option} {path}"
    try:
        if path.stat().st_size > LONGEST_FILE:
            raise UsageError(f"{source} is larger than {LONGEST_FILE // 1_000_000} MB")
        lines = lines_of(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UsageError(f"{source} cannot be read: {reason}") from None
    calls = tuple(
        _call(f"{source}, line {number}", line, task, keys)
        for number, line in enumerate(lines, start=1)
        if line.strip()
    )
    if not 0 < len(calls) <= MOST_CALLS:
        raise UsageError(f"{source} has {len(calls):,} calls; it needs 1 to {MOST_CALLS:,}")
    return calls


def _call(source: str, line: str, task: str, keys: Sequence[str]) -> tuple[Work, int]:
    found = _loaded(source, line, dict, '{"args": [1], "kwargs": {}}')
    unknown = sorted(found.keys() - set(keys))
    if unknown:
        raise UsageError(f"{source}: unknown key {unknown[0]!r}; known: {', '.join(keys)}")
    name, args, kwargs = found.get("task", task), found.get("args", []), found.get("kwargs", {})
    weight = found.get("weight", 1)
    if not isinstance(name, str) or not name:
        raise UsageError(f'{source} names no task: add "task": "shop.tasks.fetch_price"')
    if not isinstance(args, list) or not isinstance(kwargs, dict):
        raise UsageError(f"{source}: args must be a list, and kwargs an object")
    if type(weight) is not int or not 0 < weight <= MOST_WEIGHT:
        raise UsageError(f"{source}: weight must be a whole number from 1 to {MOST_WEIGHT:,}")
    return Work(task=name, args=tuple(args), kwargs=kwargs), weight


def _loaded(source: str, text: str, kind: type, example: str) -> Any:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise UsageError(f"{source} is not JSON; it should look like {example}") from None
    if not isinstance(found, kind):
        raise UsageError(f"{source} is JSON of the wrong type; it should look like {example}")
    return found
