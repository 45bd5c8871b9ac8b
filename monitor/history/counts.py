"""The counts of one task on one worker over time, in one tier; it does not know which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.history import histogram
from monitor.history.latency_start import ORIGINS


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Some finished tasks, by column."""

    seconds: NDArray[np.int64]
    failed: NDArray[np.bool_]
    buckets: NDArray[np.int64]  # of the latency; -1: it never reached a slot
    origins: NDArray[np.int64]

    def since(self, second: int) -> Columns:
        """Return the tasks that finished in `second` or later."""
        if (kept := self.seconds >= second).all():
            return self
        return Columns(
            seconds=self.seconds[kept],
            failed=self.failed[kept],
            buckets=self.buckets[kept],
            origins=self.origins[kept],
        )


def columns_of(tasks: Sequence[tuple[int, bool, float | None, int]]) -> Columns:
    """Convert tasks, each with the second of its end, failed, its latency and its origin."""
    seconds, failed, latencies_s, origins = zip(*tasks, strict=True)
    known_s = np.array([np.nan if one is None else one for one in latencies_s])
    ran = ~np.isnan(known_s)
    buckets = np.full(len(tasks), -1)
    buckets[ran] = histogram.buckets_of(known_s[ran])
    return Columns(
        seconds=np.array(seconds, np.int64),
        failed=np.array(failed),
        buckets=buckets,
        origins=np.array(origins),
    )


class Counts:
    """How many tasks finished and failed in each row, and how long they took."""

    __slots__ = ("failed", "finished", "latencies", "origins")

    def __init__(self, rows: int) -> None:
        self.finished = np.zeros(rows, np.uint32)  # includes failed tasks
        self.failed = np.zeros(rows, np.uint32)
        self.origins = np.zeros((rows, len(ORIGINS)), np.uint32)
        self.latencies = np.zeros((rows, histogram.BUCKETS), np.uint16)

    def clear(self, row: int) -> None:
        """Forget one row."""
        self.finished[row] = self.failed[row] = 0
        self.origins[row] = self.latencies[row] = 0

    def add(self, rows: NDArray[np.int64], tasks: Columns) -> None:
        """Count `tasks`, each in the row of the same position in `rows`."""
        np.add.at(self.finished, rows, 1)
        np.add.at(self.failed, rows[tasks.failed], 1)
        ran = tasks.buckets >= 0
        if not ran.any():
            return
        np.add.at(self.origins, (rows[ran], tasks.origins[ran]), 1)
        histogram.add(self.latencies, rows[ran] * histogram.BUCKETS + tasks.buckets[ran])
