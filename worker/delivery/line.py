"""The heart's own connection to Redis, and what it does at each beat."""

from __future__ import annotations

import time
from typing import Any, Final

from celery import Celery

from worker.delivery import limits
from worker.delivery.keys import OWNER, Keys
from worker.delivery.marks import STARTED
from worker.delivery.owed import OWED, HandBack
from worker.delivery.recovery import NOBODY, Recovery
from worker.delivery.registration import leave, register
from worker.delivery.scripts import HAND_BACK

#: Beats between two looks at the messages of workers that have no hash of their own.
NOBODY_EVERY: Final = 10


class Line:
    """A connection that is closed at its first error."""

    def __init__(self, app: Celery, most_deaths: int) -> None:
        """Connect; raise what kombu raises."""
        options = {
            "socket_timeout": limits.PATIENCE_S,
            "socket_connect_timeout": limits.PATIENCE_S,
            "max_retries": 1,
        }
        self._connection = app.connection_for_read(transport_options=options)
        channel: Any = self._connection.channel()
        self.bare: Any = channel.bare
        self.keys: Keys = channel.keys
        self._recovery = Recovery(channel, self.keys, most_deaths)
        self._beats = 0

    def close(self) -> None:
        """Close it."""
        self._connection.close()

    def beat(self) -> None:
        """Renew the registration, do what is owed, and restore what dead workers held."""
        began_s = time.monotonic()
        missing = register(self.bare, self.keys)
        self._pay()
        dead = self._recovery.look(missing)
        if self._beats % NOBODY_EVERY == 0:
            dead.append(NOBODY)
        self._beats += 1
        for owner in dead:
            self._recovery.restore(self.bare, owner, began_s + limits.BEAT_S)

    def leave(self) -> None:
        """Do what is owed, and end the registration."""
        self._pay()
        leave(self.bare, self.keys)

    def _pay(self) -> None:
        while OWED.acks:
            self._ack(OWED.acks[0])
            OWED.acks.popleft()
        while OWED.hand_backs:
            self._hand_back(OWED.hand_backs[0])
            OWED.hand_backs.popleft()

    def _ack(self, tag: str) -> None:
        pipe = self.bare.pipeline()
        pipe.zrem(self.keys.index_of(OWNER), tag)
        pipe.hdel(self.keys.held(OWNER), tag)
        pipe.execute()
        STARTED.finish(tag, self)

    def _hand_back(self, owed: HandBack) -> None:
        keys = self.keys
        names = (keys.held(OWNER), keys.index_of(OWNER), keys.started(OWNER))
        queue = f"{keys.prefix}{owed.queue}"
        uncertain = "1" if owed.unregistered else "0"
        self.bare.eval(HAND_BACK, 4, *names, queue, owed.tag, owed.text, uncertain)
