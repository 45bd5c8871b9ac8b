"""The queues that a session makes at its broker: their names, and their removal."""

from __future__ import annotations

from kombu import Connection

from producer.queues import remove


class Queues:
    """Queues whose names all begin with one run's id, so that no other run can share them."""

    def __init__(self, connection: Connection, run: str) -> None:
        self._connection = connection
        self.run = run
        self._names: list[str] = []

    @property
    def names(self) -> tuple[str, ...]:
        """Every queue so far."""
        return tuple(self._names)

    def new(self) -> str:
        """Name another queue; whoever consumes it declares it."""
        self._names.append(f"{self.run}.{len(self._names) + 1}")
        return self._names[-1]

    def remove(self) -> None:
        """Delete all of them, with the messages that still wait in them."""
        remove(self._connection, self._names)
