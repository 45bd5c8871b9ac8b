"""Finds messages that nothing refers to any more: nobody can acknowledge those."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import Any

from kombu_lease.waiting import Waiting


class Orphans:
    """The fields of messages to hand back; `wake` is called when there is a new one."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._found: Waiting[str] = Waiting()
        self._references: dict[str, weakref.ref[Any]] = {}

    def __bool__(self) -> bool:
        return bool(self._found)

    @property
    def watching(self) -> bool:
        """Whether something still refers to one of the messages that are watched."""
        return bool(self._references)

    def watch(self, field: str, message: Any) -> None:
        """Report a message once nothing refers to it."""
        # Without the message itself, or it would never be collected.
        callback = _reporter(self._found, self._wake, field)
        self._references[field] = weakref.ref(message, callback)

    def watches(self, field: str) -> bool:
        """Return whether something still refers to this message."""
        return field in self._references

    def forget(self, field: str) -> None:
        """Watch a message no longer: it is settled."""
        self._references.pop(field, None)

    def add(self, fields: Iterable[str]) -> None:
        """Report messages that were not watched."""
        self._found.extend(fields)

    def take(self) -> list[str]:
        """Return what was reported, the newest claim first."""
        return sorted(self._found.take(), key=_claim, reverse=True)

    def give_up(self) -> None:
        """Report all messages, whatever refers to them."""
        self._found.extend(list(self._references))
        self._references.clear()


def _reporter(found: Waiting[str], wake: Callable[[], None], field: str) -> Callable[[Any], None]:
    """Return a callback that reports a message.

    It may run anywhere, at any time, so it must not take a lock.
    """

    def report(_reference: Any) -> None:
        found.append(field)
        wake()

    return report


def _claim(field: str) -> tuple[int, int]:
    """Return the claim and the position of a field such as c12.3."""
    claim, _, index = field.lstrip("cgx").partition(".")
    return int(claim), int(index)
