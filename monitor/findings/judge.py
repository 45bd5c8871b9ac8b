"""Applies the rules of `producer/observation/` to the last minute, every few seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Final

from monitor.findings.window import Window
from monitor.reading.inspection import Delivery
from producer.observation.finding import Finding
from producer.observation.findings import findings

#: Seconds between two judgements,
EVERY_S: Final = 2.0
#: and the largest share of the time that they take.
SHARE: Final = 0.02
#: Seconds after which a pause, which is long if there are many workers, counts as alive again.
ALIVE_EVERY_S: Final = 5.0
#: Findings in an answer; as many as `poolwise observe` shows.
SHOWN: Final = 3


class Judge:
    """Keeps the latest findings."""

    def __init__(
        self, window: Callable[[], Window | None], delivery: Callable[[str], Delivery]
    ) -> None:
        """Judge `window()`; `delivery(node)` returns a worker's settings."""
        self._window = window
        self._delivery = delivery
        self._latest: tuple[float, Sequence[Finding]] | None = None

    def follow(self, stop: threading.Event, delivered: Callable[[], None]) -> None:
        """Judge until `stop` is set, and call `delivered` after each judgement and in pauses."""
        while not stop.is_set():
            began_s = time.thread_time()
            self.judge()
            delivered()
            _pause(max(EVERY_S, (time.thread_time() - began_s) / SHARE), stop, delivered)

    def judge(self) -> None:
        """Find what the window shows now."""
        window = self._window()
        self._latest = (
            None if window is None else (window.span_s, findings(window.seen(self._delivery)))
        )

    def answer(self, *, known: bool) -> dict[str, Any]:
        """Return the most useful findings, ready for JSON; none are known without records."""
        if self._latest is None or not known:
            return {"seconds": None, "found": None, "more": 0}
        span_s, found = self._latest
        return {
            "seconds": round(span_s, 1),
            "found": [asdict(one) for one in found[:SHOWN]],
            "more": max(0, len(found) - SHOWN),
        }


def _pause(pause_s: float, stop: threading.Event, delivered: Callable[[], None]) -> None:
    """Wait, but end early if `stop` is set."""
    while pause_s > 0 and not stop.wait(min(pause_s, ALIVE_EVERY_S)):
        pause_s -= ALIVE_EVERY_S
        delivered()
