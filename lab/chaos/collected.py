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
        """Note that a cell is complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The result, and what ended the run early."""

    result: ChaosResult
    ended_by: BaseException | None = None


def collected(
    measured: Iterable[ChaosCell],
    result: ChaosResult,
    events: ChaosEvents,
    begun_s: float,
    in_order: Callable[[Iterable[ChaosCell]], tuple[ChaosCell, ...]] = tuple,
) -> Ended:
    """Return `result` with all cells, sorted by `in_order`; `begun_s` is by the monotonic clock.

    If something ends the run early, return the complete cells with it. Raises it if there are none.
    """
    cells: list[ChaosCell] = []
    ended_by: BaseException | None = None
    try:
        for cell in measured:
            cells.append(cell)
            events.measured(cell)
    except BaseException as ending:
        if not cells:
            raise
        ended_by = ending
    return Ended(
        result=replace(
            result,
            cells=in_order(cells),
            explanations=explanations(in_order(cells)),
            elapsed_s=time.monotonic() - begun_s,
            interrupted=ended_by is not None,
        ),
        ended_by=ended_by,
    )
