"""Collects the cells of a run, and keeps them if something ends it early."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from lab.chaos.explain import explanations
from lab.results.chaos import ChaosCell, ChaosResult


class Titled(Protocol):
    """A cell that is being measured."""

    @property
    def title(self) -> str:
        """What is shown while it is measured."""


class ChaosEvents(Protocol):
    """Receives what happens, in the order in which it happens, from several threads."""

    def prepared(self, cells: int, faults: int, text: str) -> None:
        """Note what will be measured: cells, faults in all of them, and how."""

    def fault(self, spec: Titled, number: int) -> None:
        """Note that the fault of a cell was injected."""

    def measured(self, cell: ChaosCell) -> None:
        """Note that a cell is measured."""

    def stopping(self) -> None:
        """Note that no further faults are injected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The result, and what ended the run early."""

    result: ChaosResult
    ended_by: BaseException | None = None


class Collection:
    """Keeps each cell from the moment at which it is measured; threads may add cells."""

    def __init__(
        self, in_order: Callable[[Iterable[ChaosCell]], tuple[ChaosCell, ...]] = tuple
    ) -> None:
        self._in_order = in_order
        self._begun_s = time.monotonic()
        self._cells: list[ChaosCell] = []
        self._whole = 0
        self._planned = 0
        self._result: ChaosResult | None = None

    def begin(self, result: ChaosResult, planned: int) -> None:
        """Take the result without cells, and how many are planned."""
        self._result = result
        self._planned = planned

    def keep(self, cell: ChaosCell, *, whole: bool = True) -> None:
        """Add a cell; `whole`: the run's early end did not cost it any faults."""
        self._cells.append(cell)
        self._whole += whole

    def of(self, measure_all: Callable[[Collection], None]) -> Ended:
        """Call `measure_all`, which adds the cells; if something ends it early, keep them.

        Raises what ended it if no cell was measured.
        """
        try:
            measure_all(self)
        except BaseException as ending:
            if not self._cells:
                raise
            return self._ended(ending)
        return self._ended(None)

    def _ended(self, by: BaseException | None) -> Ended:
        assert self._result is not None  # noqa: S101 - begun before any cell
        cells = self._in_order(self._cells)
        result = replace(
            self._result,
            cells=cells,
            explanations=explanations(cells),
            elapsed_s=time.monotonic() - self._begun_s,
            interrupted=self._whole < self._planned,
        )
        return Ended(result=result, ended_by=by)
