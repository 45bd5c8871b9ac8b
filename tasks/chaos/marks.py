"""Ids that are found again in any text, because a broken message has no task id to be found by."""

from __future__ import annotations

import re
from typing import Final
from uuid import uuid4

_MARK: Final = re.compile(r"bad-[0-9a-f]{32}")


def new() -> str:
    """Return an id for a bad message or task."""
    return f"bad-{uuid4().hex}"


def found(text: str) -> str:
    """Return the first such id in a text; empty if there is none."""
    match = _MARK.search(text)
    return match.group() if match else ""
