"""The queues that a session makes at its broker: their names, and their removal."""

from __future__ import annotations

from collections.abc import Callable

from kombu import Connection

from producer.queues import remove


class Queues:
    """Queues whose names all begin with one run's id, so that no other run can share them."""

    def __init__(
        self,
        connection: Connection,
        run: str,
        note: Callable[[str], None] | None = None,
        lent: set[str] | None = None,
    ) -> None:
        """Create none yet; `note` receives each name before its queue is created."""
        self._connection = connection
        self.run = run
        self._note = note
        self._names: list[str] = []
        #: Those that a worker consumes which goes on after the session, also of all parts.
        self.lent: set[str] = set() if lent is None else lent

    @property
    def names(self) -> tuple[str, ...]:
        """Every queue so far."""
        return tuple(self._names)

    def new(self) -> str:
        """Name another queue; the worker that consumes it declares it."""
        self._names.append(f"{self.run}.{len(self._names) + 1}")
        if self._note is not None:
            self._note(self._names[-1])
        return self._names[-1]

    def part(self, name: str) -> Queues:
        """Return the queues of one part of the run, which are removed on their own."""
        return Queues(self._connection, f"{self.run}.{name}", self._note, self.lent)

    def remove(self) -> None:
        """Delete all of them, with the messages that still wait in them."""
        remove(self._connection, self._names)
