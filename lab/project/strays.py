"""Messages that the user's tasks send themselves, which no worker of the session consumes."""

from __future__ import annotations

from typing import Any

from lab.session.session import Session

#: Keys that kombu and Poolwise keep in a broker, which are no queues.
OWN = ("_kombu.", "unacked", "poolwise:")


class Strays:
    """Counts and removes messages in queues that the session has not created."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def remove(self) -> int:
        """Remove them, and return how many there were. The broker must be private."""
        server: Any = self._session.records
        ours = self._session.run.encode()
        number = 0
        for key in list(server.scan_iter(_type="list", count=1_000)):
            if ours in key or key.startswith(tuple(one.encode() for one in OWN)):
                continue
            number += int(server.llen(key))
            server.delete(key)
        return number
