"""The one way to wait for a condition: poll it, with a time limit."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: Seconds between two calls.
INTERVAL_S = 0.02


def wait_until(answer: Callable[[], T], timeout_s: float, failure: Callable[[], Exception]) -> T:
    """Call `answer` until it returns something true; return that.

    Raises what `failure` returns once `timeout_s` seconds have passed.
    """
    deadline = time.monotonic() + timeout_s
    while not (found := answer()):
        if time.monotonic() > deadline:
            raise failure()
        time.sleep(INTERVAL_S)
    return found
