"""Explains the cells of a matrix: why tasks were lost, held or failed, and what helps."""

from __future__ import annotations

from collections.abc import Sequence

from lab.chaos.bad.reasons import BAD_REASONS
from lab.chaos.fault_table import FAULTS
from lab.chaos.reasons import EARLY, REASONS, Reason
from lab.results.chaos import ChaosCell, Explanation


def explanations(cells: Sequence[ChaosCell]) -> tuple[Explanation, ...]:
    """Return a reason for each group of cells of the same settings, those with most tasks first."""
    found = []
    for name in dict.fromkeys(one.settings for one in cells):
        own = [one for one in cells if one.settings == name and not one.skipped]
        explained: set[tuple[str, str, str]] = set()
        for reason in (*REASONS, *BAD_REASONS):
            hit = [one for one in own if _explains(reason, one)]
            hit = [one for one in hit if (one.fault, one.pool, reason.what) not in explained]
            explained |= {(one.fault, one.pool, reason.what) for one in hit}
            if hit:
                found.append(_explanation(name, reason, hit))
    return tuple(found)


def _explains(reason: Reason, cell: ChaosCell) -> bool:
    target = FAULTS[cell.fault].target if cell.fault in FAULTS else "worker"
    settings = cell.settings.partition("+")[0]
    return (
        reason.count(cell) > 0
        and target in reason.targets
        and (reason.early is None or reason.early == (settings in EARLY))
        and settings not in reason.cured
        and (not reason.faults or cell.fault in reason.faults)
        and reason.pool in {"", cell.pool}
        and (not reason.stock or cell.transport == "stock")
    )


def _explanation(name: str, reason: Reason, cells: Sequence[ChaosCell]) -> Explanation:
    return Explanation(
        settings=name,
        what=reason.what,
        tasks=sum(map(reason.count, cells)),
        faults=tuple(dict.fromkeys(one.fault for one in cells)),
        pools=tuple(dict.fromkeys(one.pool for one in cells)),
        why=reason.why,
        cure=reason.cure,
    )
