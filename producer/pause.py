"""The pause of the light load: a key on the broker that a race holds and the producer honours.

The key expires, so that the load resumes even if the race is killed.
"""

from __future__ import annotations

from typing import Final

import redis

#: Held by the run that wants a pause; its value is the run's id.
WANTED: Final = "poolwise:load:pause"
#: Exists while a producer is paused.
PAUSED: Final = "poolwise:load:paused"
#: Seconds after which a pause ends that is no longer renewed.
HOLD_S: Final = 30
#: Seconds between two checks by the producer.
LOOK_S: Final = 1.0
#: Seconds after which a paused producer that no longer checks is forgotten.
ANSWER_S: Final = 5


class LoadPause:
    """The pause that one run wants."""

    def __init__(self, server: redis.Redis, run: str) -> None:
        self._server = server
        self._run = run

    def renew(self) -> None:
        """Want the pause for another `HOLD_S` seconds."""
        self._server.set(WANTED, self._run, ex=HOLD_S)

    def answered(self) -> bool:
        """Return whether a producer is paused."""
        return bool(self._server.exists(PAUSED))

    def end(self) -> None:
        """End the pause, unless another run has taken it over."""
        with self._server.pipeline() as pipe:
            pipe.watch(WANTED)  # type: ignore[no-untyped-call]
            if pipe.get(WANTED) == self._run.encode():
                pipe.multi()
                pipe.delete(WANTED)
                pipe.execute()


def is_wanted(server: redis.Redis) -> bool:
    """Return whether a run wants a pause; if so, note that it is kept."""
    if server.exists(WANTED) != 1:  # a server that has turned strange may answer "OK"
        return False
    server.set(PAUSED, "yes", ex=ANSWER_S)
    return True


def resumed(server: redis.Redis) -> None:
    """Note that the pause is over."""
    server.delete(PAUSED)
