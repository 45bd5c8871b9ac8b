"""Notes on what went wrong in a race, as HTML."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from lab.format import words
from lab.format.transports import label
from lab.report.markup import tag
from lab.report.tables import account_of
from lab.results.race import PoolResult, RaceResult

#: Ids of lost tasks that are listed; the rest are only counted.
MOST_IDS = 20


def interrupted_note(result: RaceResult, which: str = "This race") -> Markup | None:
    """Say that a race was interrupted; None if it was not."""
    if not result.interrupted:
        return None
    text = f"{which} was interrupted. The page shows only the workloads that were complete."
    return tag("p", text, cls="warning")


def pool_notes(pools: Sequence[PoolResult], suffix: str = "") -> Markup | None:
    """List lost tasks and remarks by pool; None if there are none."""
    notes = [
        tag("li", tag("b", label(pool, pools) + suffix), f": {text}")
        for pool in pools
        for text in [*_losses(pool), *pool.remarks]
    ]
    return tag("ul", *notes, cls="troubles") if notes else None


def _losses(pool: PoolResult) -> list[str]:
    ids = account_of(pool).lost_ids
    if not ids:
        return []
    rest = len(ids) - MOST_IDS
    more = f" and {words.count(rest)} more" if rest > 0 else ""
    return [f"lost tasks: {', '.join(ids[:MOST_IDS])}{more}"]
