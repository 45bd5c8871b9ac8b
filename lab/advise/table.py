"""The advice as a person reads it at a terminal."""

from __future__ import annotations

from rich.console import Console

from lab.format import advice
from lab.format.tables import Column, figures, print_table
from lab.results.advice import AdviceResult


def show(result: AdviceResult, console: Console) -> None:
    """Print the table of candidates, the warnings, then the answer."""
    if advice.ordered(result):
        _show_candidates(result, console)
    for caveat in result.warnings:
        line = f"warning: {caveat.text} [{caveat.name}]"
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    lines = ["", *advice.answer_lines(result), ""]
    lines += [f"    {line}" for line in advice.command_lines(result)]
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _show_candidates(result: AdviceResult, console: Console) -> None:
    candidates = advice.ordered(result)
    headings = advice.cells(result, candidates[0])
    remark = Column(heading="", wraps=True)
    print_table(
        console,
        [Column(heading="candidate"), *figures(*headings), remark],
        [
            (advice.label(one), *advice.cells(result, one).values(), _mark(result, one))
            for one in candidates
        ],
    )


def _mark(result: AdviceResult, candidate: advice.Tried) -> str:
    arrow = "← " if advice.is_recommended(result, candidate) else ""
    return f"{arrow}{advice.note(result, candidate)}"
