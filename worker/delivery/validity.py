"""Checks the parts of a task message whose type Celery takes for granted.

A wrong type would fail later: in the worker's own code, which ends the worker or leaves the task
without an end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from worker.delivery.payload import encodable

#: The types that headers may have, and how people call them.
_HEADERS: Final[tuple[tuple[str, tuple[type, ...], str], ...]] = (
    ("id", (str,), "a string"),
    ("task", (str,), "a string"),
    ("retries", (int, type(None)), "a whole number"),
    ("stamped_headers", (list, tuple, type(None)), "a list"),
    ("stamps", (dict, type(None)), "an object"),
)


def fault(headers: Mapping[str, Any], payload: Any) -> str:
    """Return what is wrong with a message; empty if nothing is.

    `payload` is its decoded body: args, kwargs, and an object with callbacks and the like.
    """
    if found := _header_fault(headers):
        return found
    args, kwargs, embed = payload
    if not isinstance(args, list | tuple):
        return "its args are not a list"
    if not isinstance(kwargs, dict):
        return "its kwargs are not an object"
    if not isinstance(embed, dict | None):
        return "the third part of its body is not an object"
    return ""


def _header_fault(headers: Mapping[str, Any]) -> str:
    for name, types, called in _HEADERS:
        if not isinstance(headers.get(name), types):
            return f"its header {name} is not {called}"
    if not encodable(headers["id"]):  # of protocol 1, which has it in the body
        return "its id contains half a character"
    if not _are_limits(headers.get("timelimit")):
        return "its header timelimit is not a pair of numbers"
    return ""


def _are_limits(value: Any) -> bool:
    if value is None:
        return True
    pair = isinstance(value, list | tuple) and len(value) == 2
    return pair and all(limit is None or isinstance(limit, int | float) for limit in value)
