"""The advice as a person reads it at a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from lab.format import advice
from lab.results.advice import AdviceResult


def show(result: AdviceResult, console: Console) -> None:
    """Print the table of candidates, the warnings, then the answer."""
    if advice.ordered(result):
        console.print(_table(result))
    for caveat in result.warnings:
        line = f"warning: {caveat.text} [{caveat.name}]"
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    lines = ["", *advice.answer_lines(result), ""]
    lines += [f"    {line}" for line in advice.command_lines(result)]
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _table(result: AdviceResult) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("candidate", no_wrap=True)
    candidates = advice.ordered(result)
    for heading in advice.cells(result, candidates[0]):
        table.add_column(heading, justify="right")
    table.add_column("")
    for one in candidates:
        table.add_row(advice.label(one), *advice.cells(result, one).values(), _mark(result, one))
    return table


def _mark(result: AdviceResult, candidate: advice.Tried) -> str:
    arrow = "← " if advice.is_recommended(result, candidate) else ""
    return f"{arrow}{advice.note(result, candidate)}"
