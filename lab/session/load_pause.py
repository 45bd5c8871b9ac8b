"""Pauses the light load of `python -m producer` for a while; it always resumes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import redis

from lab.session.renewal import renewed
from lab.session.session import Session
from producer.pause import HOLD_S, LOOK_S, LoadPause

#: Seconds to wait until a producer answers; it checks every `LOOK_S` seconds.
PATIENCE_S: Final = 3 * LOOK_S
STEP_S: Final = 0.05

PAUSED: Final = "the light load is paused, and resumes when the race ends"
NOBODY: Final = (
    "no load generator (python -m producer) answered, so no load was paused; one that starts now "
    "sends nothing until the race ends"
)


@contextmanager
def load_paused(session: Session, say: Callable[[str], None]) -> Iterator[None]:
    """Pause the producers of the session's broker while the block runs; `say` whether one did.

    The pause ends with the block, or, if this process is killed, `HOLD_S` seconds later.
    """
    pause = LoadPause(session.records, session.run)
    try:
        pause.renew()
        with renewed(pause.renew, HOLD_S / 4):
            say(PAUSED if _answered(pause) else NOBODY)
            yield
    finally:
        with suppress(redis.RedisError):  # it expires
            pause.end()


def _answered(pause: LoadPause) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while not (answered := pause.answered()) and time.monotonic() < deadline:
        time.sleep(STEP_S)
    return answered
