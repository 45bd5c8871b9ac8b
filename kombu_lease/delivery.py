"""What to do with a message that was claimed: pure functions on the message."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from kombu.utils.encoding import bytes_to_str
from kombu.utils.json import loads

from kombu_lease.errors import UndecodableError, in_a_line


def decoded(message: bytes) -> dict[str, Any]:
    """Return a message as kombu's own Redis transport reads it.

    Raises UndecodableError, with a reason of one line.
    """
    try:
        payload = loads(bytes_to_str(message))
    except Exception as error:  # kombu's hooks for dates, numbers and others raise what they like
        raise UndecodableError(f"it is not JSON: {in_a_line(error)}") from error
    if not isinstance(payload, dict) or not isinstance(payload.get("properties"), dict):
        raise UndecodableError("it is not a kombu message: it has no properties")
    info = payload["properties"].setdefault("delivery_info", {})
    if not isinstance(info, dict):
        raise UndecodableError("it is not a kombu message: its delivery_info is not an object")
    return payload


def delivery_count(payload: dict[str, Any]) -> int:
    """Return how often a message was delivered before without being acknowledged."""
    count = payload["properties"]["delivery_info"].get("deliveries", 0)
    return count if isinstance(count, int) else 0


def due_s(payload: dict[str, Any]) -> float | None:
    """Return when Celery wants to run a task, in seconds since 1970; None for at once.

    An ETA without a time zone is left to Celery, which knows what it means.
    """
    headers = payload.get("headers")
    eta = headers.get("eta") if isinstance(headers, dict) else None
    if not isinstance(eta, str):
        return None
    try:
        at = datetime.fromisoformat(eta)
        due = at.timestamp() if at.tzinfo else None
    except (ValueError, OverflowError):
        return None
    return due if due is None or math.isfinite(due) else None
