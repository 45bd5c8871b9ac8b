"""The ledger: a file to which each process appends what happened to a task.

It is outside the broker, and each line goes to the kernel in one call, so neither a broker that
loses data nor the death of the process in the next instant can take a line away. Linux may cut a
write short between two pages of the file if the process is being killed. So the length of a line
divides a page, or is a multiple of one that does: only a line with a long text can be cut, and the
reader leaves out what is left of it. Where processes share no file, as in containers,
`tasks.chaos.shared_ledger` writes the same lines to Redis.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, Final

#: Names the file. Without it, nothing is noted.
VARIABLE: Final = "POOLWISE_LEDGER"

#: The length of a line in bytes, with the ends of lines around it; it divides the size of any page.
LENGTH: Final = 128
#: What can happen to a task. `gone` means that a worker refused the message and it is in no queue;
#: `calmed`, that a task which killed its worker each time was still being delivered at the end.
EVENTS: Final = frozenset({"started", "ended", "failed", "revoked", "gone", "calmed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One event of one task."""

    event: str
    task_id: str
    pid: int  # of the process that noted it; in a shared ledger, the number of its container
    at_s: float  # by the monotonic clock of this machine, which all its processes share
    redelivered: bool = False
    text: str = ""


def note(event: str, task_id: str, *, redelivered: bool = False, text: str = "") -> None:
    """Append an event of a task that happened now in this process."""
    path = os.environ.get(VARIABLE)
    if not path:
        return
    line = encoded(event, task_id, os.getpid(), redelivered=redelivered, text=text)
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        # It begins with an end of line, too, in case the line before it was cut.
        length = LENGTH * ceil((len(line) + 2) / LENGTH)
        os.write(handle, b"\n" + line.ljust(length - 2) + b"\n")
    finally:
        os.close(handle)


def encoded(
    event: str, task_id: str, pid: int, *, redelivered: bool = False, text: str = ""
) -> bytes:
    """Write a line about something that happens now."""
    return json.dumps([event, task_id, pid, time.monotonic(), redelivered, text[:500]]).encode()


def note_of(event: str, request: Any) -> None:
    """Append an event of the task whose Celery request this is."""
    redelivered = bool((request.delivery_info or {}).get("redelivered"))
    note(event, request.id, redelivered=redelivered)


def calm() -> bool:
    """Return whether tasks that kill their worker should stop doing so."""
    path = os.environ.get(VARIABLE)
    return path is not None and calm_file(Path(path)).exists()


def calm_file(path: Path) -> Path:
    """Return the file next to a ledger whose existence calms such tasks."""
    return path.with_name(f"{path.name}.calm")


class Reader:
    """Reads the lines that were appended since the last call."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def new(self) -> list[Line]:
        """Return the complete lines that are new; none if there is no file yet."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return []
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [line for text in whole.splitlines() if (line := _decoded(text))]


def _decoded(text: bytes) -> Line | None:
    """Read a line of a file; None if it is empty or was cut."""
    try:
        return decoded(text)
    except json.JSONDecodeError:
        return None


def decoded(text: bytes) -> Line:
    """Read a line. Raises ValueError if it is not complete."""
    event, task_id, pid, at_s, redelivered, words = json.loads(text)
    return Line(
        event=event, task_id=task_id, pid=pid, at_s=at_s, redelivered=redelivered, text=words
    )
