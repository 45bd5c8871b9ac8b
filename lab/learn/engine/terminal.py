"""A lesson at the terminal: its question, its progress and its result."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

import click
from rich.console import Console
from rich.padding import Padding
from rich.status import Status
from rich.table import Table as Grid
from rich.text import Text

from lab.format import tables, words
from lab.format.cells import cell_text
from lab.format.lessons import LECTURE, LETTERS, expectation
from lab.learn.engine.lesson import Lesson
from lab.learn.engine.timeline import circle, drawn, legend
from lab.results.lesson import Findings, LessonResult, Scene, Table


class LessonTerminal:
    """Shows lessons while they run: what was measured on `results`, progress on `progress`.

    `results` is None if only the final JSON is wanted.
    """

    def __init__(self, results: Console | None, progress: Console) -> None:
        self._results = results
        self._progress = progress
        self._status: Status | None = None
        self._said = ""
        self._explained: set[str] = set()

    def __enter__(self) -> Self:
        """Show nothing yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Clear the progress line."""
        self.quiet()

    def quiet(self) -> None:
        """Clear the progress line."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    def began(self, title: str, setting: str) -> None:
        """Print the lesson's title and what is going to run."""
        self.quiet()
        self._explained.clear()
        if self._results is not None:
            self._results.print(Text(title, style="bold"))
            self._results.print(Text(setting))
            self._results.print()

    def starting(self, ready: int, of: int) -> None:
        """Show how many workers are ready."""
        if of:
            self._say(f"{ready} of {words.counted(of, 'worker')} ready")

    def playing(self, title: str, ended: int, of: int) -> None:
        """Show how many tasks have ended."""
        self._say(f"{title}: {ended} of {words.counted(of, 'task')}", plain=ended == of)

    def shown(self, scene: Scene) -> None:
        """Draw a completed scene; first explain what no earlier one had."""
        self.quiet()
        if self._results is None:
            return
        for key, line in legend(scene).items():
            if key not in self._explained:
                self._explained.add(key)
                self._results.print(Padding(line, (0, 0, 0, 2), expand=False))
        self._results.print(Text.assemble((scene.title, "bold"), "  ", (scene.caption, "dim")))
        for line in drawn(scene, self._results.width):
            self._results.print(line, soft_wrap=True, highlight=False)
        for line in circle(scene.waits_for, self._results.width):
            self._results.print(line, soft_wrap=True, highlight=False)
        self._results.print()

    def _say(self, line: str, *, plain: bool = True) -> None:
        """Show progress: in place at a terminal, otherwise as a line if `plain`."""
        if self._progress.is_terminal:
            if self._status is None:
                self._status = self._progress.status(line)
                self._status.start()
            self._status.update(line)
        elif plain and line != self._said:
            self._said = line
            self._progress.print(line, highlight=False, soft_wrap=True)


def ask(lesson: Lesson, console: Console) -> int | None:
    """Ask what the learner expects; a choice's key answers, any other key skips."""
    question = lesson.question
    console.print(Text(question.text, style="bold"))
    for letter, choice in zip(LETTERS, question.choices, strict=False):
        console.print(Text(f"  [{letter}] {choice}"))
    console.print(Text("  any other key: just show me", style="dim"))
    chosen = LETTERS.find((click.getchar() or " ").lower()[:1] or " ")
    console.print()
    return chosen if 0 <= chosen < len(question.choices) else None


def close(result: LessonResult, console: Console) -> None:
    """Print the result."""
    if result.findings.skipped:
        console.print(Text(f"{result.lesson}: skipped: {result.findings.skipped}"))
        return
    for table in result.findings.tables:
        _table(table, console)
    _claims(result, console)
    if line := expectation(result):
        console.print(Text(line, style="bold"))
    console.print(Text(result.findings.verdict))
    for remark in result.findings.remarks:
        console.print(Text(remark, style="dim"))
    console.print()
    console.print(Text(LECTURE, style="bold"))
    console.print(Text(result.lecture))
    console.print(Text("Try next:", style="dim"))
    for line in result.turn_next:
        console.print(Padding(Text(line, style="dim"), (0, 0, 0, 2), expand=False))


def summary(every: Sequence[LessonResult], console: Console) -> None:
    """Print one line for each of several lessons."""
    grid = Grid(box=None, padding=(0, 2, 0, 0), show_header=False)
    for result in every:
        claims = result.findings.claims
        held = sum(claim.holds for claim in claims)
        what = result.findings.skipped or f"{held} of {len(claims)} claims confirmed"
        mark = Text("–" if result.findings.skipped else "✓" if result.holds else "✗")
        grid.add_row(mark, result.lesson, words.duration(result.elapsed_s), what)
    console.print(grid)
    took = words.duration(sum(result.elapsed_s for result in every))
    skipped = sum(1 for result in every if result.findings.skipped)
    left_out = f", {skipped} skipped" if skipped else ""
    ran = words.counted(len(every) - skipped, "lesson")
    console.print(f"{ran} in {took}{left_out}", highlight=False)


def failed(findings: Findings) -> list[str]:
    """Return a line for each claim that failed: the claim, and what was measured instead."""
    return [f"{claim.says}; measured: {claim.seen}" for claim in findings.claims if not claim.holds]


def _table(table: Table, console: Console) -> None:
    console.print(Text(table.title, style="bold"))
    columns = [
        tables.Column(heading=one.heading, right=one.unit != "text") for one in table.columns
    ]
    rows = [
        [cell_text(cell, one.unit) for cell, one in zip(row, table.columns, strict=True)]
        for row in table.rows
    ]
    tables.print_table(console, columns, rows, indent=2)
    console.print()


def _claims(result: LessonResult, console: Console) -> None:
    for claim in result.findings.claims:
        mark = ("✓", "green") if claim.holds else ("✗", "bold red")
        console.print(Text.assemble(mark, f" {claim.says}: ", (claim.seen, "bold")))
    console.print()
