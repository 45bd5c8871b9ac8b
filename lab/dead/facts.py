"""What a dead letter shows about itself; its arguments are shown only if someone asks."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from typing import Any

from kombu_lease.dead import DeadLetter
from lab.results.foreign_text import one_line

#: What separates a queue's name from its priority in the name of its list, by default in kombu.
SEPARATOR = "\x06\x16"


def queue_of(letter: DeadLetter, prefix: str, separator: str = SEPARATOR) -> str:
    """Return the queue that a message came from."""
    return letter.key.removeprefix(prefix).partition(separator)[0]


def task_of(letter: DeadLetter) -> tuple[str, str]:
    """Return the task's name and id, each empty if the message has none."""
    try:
        found = json.loads(letter.message)["headers"]
        name, task_id = found.get("task"), found.get("id")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return "", ""
    return (name if isinstance(name, str) else ""), (task_id if isinstance(task_id, str) else "")


def facts(letter: DeadLetter, prefix: str) -> dict[str, Any]:
    """Return everything but the message itself, for JSON."""
    task, task_id = task_of(letter)
    return {
        "id": letter.id,
        "at": datetime.fromtimestamp(letter.died_at).astimezone().isoformat(timespec="seconds"),
        "queue": queue_of(letter, prefix),
        "task": task,
        "task_id": task_id,
        "deliveries": letter.deliveries,
        "reason": letter.reason,
        "worker": letter.worker,
        "message_bytes": len(letter.message),
    }


def whole(letter: DeadLetter, prefix: str) -> dict[str, Any]:
    """Return everything, with the message; with its body decoded, if that is possible."""
    text: dict[str, Any] = {"message_base64": base64.b64encode(letter.message).decode("ascii")}
    try:
        text = {"message": letter.message.decode()}
        found = json.loads(letter.message)
        if found["properties"]["body_encoding"] == "base64":
            text["body"] = json.loads(base64.b64decode(found["body"]))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        pass
    return {**facts(letter, prefix), **text}


def lines(letter: DeadLetter, prefix: str) -> list[str]:
    """Return a dead letter for a terminal, one fact a line, the message last."""
    known = whole(letter, prefix)
    shown = {name: value for name, value in known.items() if value not in ("", 0)}
    width = max(map(len, shown))
    return [f"{name.replace('_', ' '):<{width}}  {_text(value)}" for name, value in shown.items()]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value if value.isprintable() else ascii(value)
    return json.dumps(value)


def short(text: str) -> str:
    """Return foreign text for a table."""
    return one_line(text)
