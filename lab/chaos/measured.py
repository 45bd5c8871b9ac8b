"""A measured cell, made of the evidence that its trial left."""

from __future__ import annotations

from dataclasses import dataclass

from lab.chaos.bad.account import bad_messages
from lab.chaos.judge import Evidence, account, recovery
from lab.results.chaos import ChaosCell


@dataclass(frozen=True, slots=True, kw_only=True)
class CellNames:
    """Where a cell stands in the matrix."""

    pool: str
    fault: str
    settings: str
    transport: str
    command: str  # that repeats it


def cell_of(names: CellNames, found: Evidence, seconds: float = 0.0) -> ChaosCell:
    """Account for every task of a cell."""
    again = recovery(found)
    return ChaosCell(
        pool=names.pool,
        fault=names.fault,
        settings=names.settings,
        transport=names.transport,
        command=names.command,
        aimed=len(found.faults),
        hits=sum(one.hit for one in found.faults),
        account=account(found),
        first_again_s=again.first_s,
        last_again_s=again.last_s,
        never_again=again.never,
        resumed=sum(one is not None for one in found.all_again_s),
        messages=bad_messages(found),
        seconds=seconds,
    )
