"""Which points an answer has, and which rows of the history each of them covers.

The last minutes come from the fine tier, if Flower was running; what is older, from the coarse one.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.history.history import History
from monitor.history.tiers import COARSE, FINE, RANGE_S, Tier

#: Range of a query in seconds: the seconds that each point covers, at least.
STEPS_S: Final = {60: 1, 300: 2, 900: 5, RANGE_S: 20}
DEFAULT_RANGE_S: Final = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """Some consecutive points; each covers one row of `rows`."""

    tier: Tier
    at_s: NDArray[np.int64]  # the first second of each point
    rows: NDArray[np.int64]  # the rows of the tier that each point covers
    complete: NDArray[np.bool_]  # whether each row has ended and is known

    @property
    def seconds(self) -> NDArray[np.int64]:
        """The seconds of each row that count."""
        found: NDArray[np.int64] = self.complete * self.tier.step_s
        return found

    def changed(self, history: History, since: tuple[int, int]) -> Points:
        """Return the points that changed since an answer, by its revision and its end."""
        revision, until_s = since
        length_s = self.rows.shape[1] * self.tier.step_s
        news = (history.changed[self.tier][self.rows] > revision).any(axis=1)
        news |= self.at_s + length_s > until_s
        return Points(
            tier=self.tier,
            at_s=self.at_s[news],
            rows=self.rows[news],
            complete=self.complete[news],
        )


def points_of(history: History, range_s: int, until_s: int) -> tuple[Points, Points]:
    """Return the points of a range that ends before `until_s`: the coarse ones and the fine ones.

    The coarse points cover no less than a coarse step, even if those of the range are shorter.
    """
    step_s = STEPS_S[range_s]
    together_s = lcm(step_s, COARSE.step_s)
    first_s = (until_s - range_s) // step_s * step_s
    fine_from_s = max(history.fine_from_s, history.oldest_s(FINE))
    border_s = min(max(first_s, -(-fine_from_s // together_s) * together_s), until_s)
    if border_s == first_s:
        older = _points(history, COARSE, range(0), until_s)
    else:
        longer_s = max(step_s, COARSE.step_s)
        older = _points(
            history, COARSE, range(first_s // longer_s * longer_s, border_s, longer_s), until_s
        )
    return older, _points(history, FINE, range(border_s, until_s, step_s), until_s)


def _points(history: History, tier: Tier, starts: range, until_s: int) -> Points:
    at_s = np.array(starts, np.int64)
    seconds = at_s[:, None] + np.arange(0, starts.step, tier.step_s)
    rows = tier.row_of(seconds)
    complete = (seconds + tier.step_s <= until_s) & history.known[tier][rows]
    return Points(tier=tier, at_s=at_s, rows=rows, complete=complete)


def gaps(history: History, range_s: int, until_s: int) -> tuple[int | None, list[list[int]]]:
    """Return the first known second of the last hour, and the later gaps that a range touches.

    Each gap is its first second and the one after its last.
    """
    step_s = COARSE.step_s
    first_s = (until_s - RANGE_S) // step_s * step_s
    starts = np.arange(first_s, until_s, step_s)
    known = history.known[COARSE][COARSE.row_of(starts)]
    if not known.any():
        return None, []
    begin = int(known.argmax())
    missing = ~known
    missing[:begin] = False
    return int(starts[begin]), _spans(starts, missing, until_s - range_s)


def queue_gaps(history: History, range_s: int, until_s: int) -> list[list[int]]:
    """Return when no queue was measured because Flower was not running, in the form of `gaps`.

    What is not known at all, or was before the first measurement, is left out.
    """
    first_s = (until_s - RANGE_S) // COARSE.step_s * COARSE.step_s
    starts = np.arange(first_s, until_s, COARSE.step_s)
    rows = COARSE.row_of(starts)
    depths = [~np.isnan(one.rings[COARSE][0, rows]) for one in history.gauges.depths.values()]
    measured = np.any(depths, axis=0) if depths else np.zeros(len(rows), np.bool_)
    since_first = np.logical_or.accumulate(measured)
    missing = history.known[COARSE][rows] & history.unwatched[rows] & since_first & ~measured
    return _spans(starts, missing, until_s - range_s)


def _spans(starts: NDArray[np.int64], steps: NDArray[np.bool_], from_s: int) -> list[list[int]]:
    """Return the spans of consecutive coarse steps that end after `from_s`."""
    edges = np.flatnonzero(np.diff(steps.astype(np.int8), prepend=0, append=0))
    seconds = (int(starts[0]) + COARSE.step_s * edges).tolist()
    spans = zip(seconds[::2], seconds[1::2], strict=True)
    return [list(span) for span in spans if span[1] > from_s]
