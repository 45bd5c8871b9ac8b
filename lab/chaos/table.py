"""The matrix as a person reads it at a terminal."""

from __future__ import annotations

import itertools

from rich.console import Console
from rich.table import Table

from lab.format import chaos
from lab.results.chaos import ChaosResult


def show(result: ChaosResult, console: Console) -> None:
    """Print the matrix, notes on its cells, and a line for each set of settings."""
    names = [one.name for one in result.settings.deliveries]
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("fault", "pool"):
        table.add_column(heading, no_wrap=True)
    for name in names:
        table.add_column(name)
    cells = {(one.fault, one.pool, one.settings): one for one in result.cells}
    rows = dict.fromkeys((one.fault, one.pool) for one in result.cells)
    last = ""
    for fault, pool in rows:
        found = [cells.get((fault, pool, name)) for name in names]
        texts = [chaos.cell_text(one) if one else "" for one in found]
        table.add_row(fault if fault != last else "", pool, *texts)
        last = fault
    console.print(table)
    explained = [
        line
        for one in result.explanations
        for line in (chaos.explanation_heading(one), f"   {one.why} {one.cure}")
    ]
    legend = [chaos.legend(result.cells)] if chaos.legend(result.cells) else []
    parts = (legend, chaos.notes(result), explained, chaos.summary_lines(result))
    for line in itertools.chain.from_iterable(["", *part] for part in parts if part):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
