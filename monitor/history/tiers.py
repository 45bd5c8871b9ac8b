"""How finely the history is kept: the last minutes by the second, an hour in steps of 5 s."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

#: Seconds that a query may cover.
RANGE_S: Final = 3_600
#: Seconds whose points may be finer than the coarse steps.
FINE_RANGE_S: Final = 300
#: Seconds that are stored beyond a range: the newest are still being filled, and a point may begin
#: before its range.
SPARE_S: Final = 60

Seconds = TypeVar("Seconds", int, NDArray[np.int64])


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """A ring of rows of equal length: second s is in row `s // step_s % rows`."""

    step_s: int  # seconds that a row covers
    rows: int

    @property
    def kept_s(self) -> int:
        """The seconds that the ring covers."""
        return self.step_s * self.rows

    def row_of(self, seconds: Seconds) -> Seconds:
        """Return the row of a second, or the rows of an array of seconds."""
        return seconds // self.step_s % self.rows


FINE: Final = Tier(step_s=1, rows=FINE_RANGE_S + SPARE_S)
COARSE: Final = Tier(step_s=5, rows=(RANGE_S + SPARE_S) // 5)
TIERS: Final = (FINE, COARSE)
