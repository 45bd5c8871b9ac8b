"""The one way to wait for something: ask until it is so, within a bound."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: Seconds between two questions.
INTERVAL_S = 0.02


def wait_until(answer: Callable[[], T], timeout_s: float, failure: Callable[[], Exception]) -> T:
    """Call `answer` until it returns something true, and return that.

    Raises what `failure` returns once `timeout_s` seconds have passed.
    """
    deadline = time.monotonic() + timeout_s
    while not (found := answer()):
        if time.monotonic() > deadline:
            raise failure()
        time.sleep(INTERVAL_S)
    return found
