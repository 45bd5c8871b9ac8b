"""The page of one lesson: question, timelines, measurements, verdict."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from lab.format import words
from lab.format.cells import cell_text
from lab.format.lessons import LECTURE, LETTERS, MEANINGS, expectation
from lab.report.document import document
from lab.report.embed import plot
from lab.report.facts import machine
from lab.report.markup import dotted, join, tag
from lab.report.plots.scene import BAR_STYLES, timeline
from lab.report.wait_cycle import wait_cycle
from lab.results.lesson import Cell, Column, LessonResult, Scene, Table


def render(result: LessonResult) -> str:
    """Render a lesson as an HTML document that loads nothing."""
    title = f"Poolwise lesson: {result.title}"
    return document(
        title,
        join(
            tag("h1", result.title),
            tag("p", dotted(_stamp(result)), cls="stamp"),
            _question(result),
            tag(
                "section",
                tag("h2", "Timelines"),
                _legend(result),
                tag("div", *(_scene(scene) for scene in result.scenes), cls="plots"),
            )
            if result.scenes
            else None,
            _measurements(result) if not result.findings.skipped else _skipped(result),
            _lecture(result),
        ),
    )


def _stamp(result: LessonResult) -> list[str]:
    versions = result.versions
    return [
        machine(result.host),
        words.moment(result.started_at),
        f"Poolwise {versions.poolwise}",
        f"Celery {versions.celery}",
        f"Python {versions.python}",
        f"gevent {versions.gevent}",
        versions.broker,
        *([f"on {', '.join(result.workers)}"] if result.workers else []),
        f"clocks agree within {words.duration(result.clock_error_s)}",
    ]


def _question(result: LessonResult) -> Markup:
    asked = result.expectation
    choices = [
        tag("li", f"[{letter}] {text}", tag("b", " ✓") if place == asked.right else None)
        for place, (letter, text) in enumerate(zip(LETTERS, asked.choices, strict=False))
    ]
    return tag(
        "section",
        tag("p", result.setting),
        tag("h2", asked.question),
        tag("ul", *choices, cls="choices"),
        tag("p", tag("b", expectation(result))) if asked.chosen is not None else None,
    )


def _legend(result: LessonResult) -> Markup:
    there = {bar.doing for scene in result.scenes for bar in scene.bars}
    return tag(
        "p",
        *(
            tag(
                "span",
                tag("i", style=f"background:{style.colour}"),
                f" {MEANINGS[doing]}",
                cls="key",
            )
            for doing, style in BAR_STYLES.items()
            if doing in there
        ),
        cls="keys",
    )


def _scene(scene: Scene) -> Markup:
    drawn = plot(timeline(scene), scene.title, scene.caption, wide=bool(scene.waits_for))
    if not scene.waits_for:
        return drawn
    return tag("div", drawn, wait_cycle(scene.waits_for), cls="wide")


def _skipped(result: LessonResult) -> Markup:
    return tag("p", f"Skipped: {result.findings.skipped}", cls="warning")


def _measurements(result: LessonResult) -> Markup:
    claims = [
        tag(
            "li",
            tag("b", "✓ " if claim.holds else "✗ not confirmed: "),
            f"{claim.says}: ",
            tag("b", claim.seen),
            cls=None if claim.holds else "alarm",
        )
        for claim in result.findings.claims
    ]
    return tag(
        "section",
        tag("h2", "Measurements"),
        *(_table(table) for table in result.findings.tables),
        tag("ul", *claims, cls="claims"),
        tag("p", result.findings.verdict, cls="verdict"),
        *(tag("p", remark, cls="account") for remark in result.findings.remarks),
    )


def _table(table: Table) -> Markup:
    head = tag("tr", *(tag("th", column.heading, cls=_side(column)) for column in table.columns))
    rows = [tag("tr", *_cells(row, table.columns)) for row in table.rows]
    return join(
        tag("h3", table.title),
        tag(
            "div", tag("table", tag("thead", head), tag("tbody", *rows), cls="cards"), cls="scroll"
        ),
    )


def _cells(row: Sequence[Cell], columns: Sequence[Column]) -> list[Markup]:
    """Build a row; its first cell is its name."""
    texts = [cell_text(cell, column.unit) for cell, column in zip(row, columns, strict=True)]
    first = tag("th", texts[0], cls=_side(columns[0]))
    rest = zip(texts[1:], columns[1:], strict=True)
    return [first, *(tag("td", text, data_head=c.heading, cls=_side(c)) for text, c in rest)]


def _side(column: Column) -> str | None:
    """Return the class that aligns text to the left."""
    return "words" if column.unit == "text" else None


def _lecture(result: LessonResult) -> Markup:
    return tag(
        "section",
        tag("h2", LECTURE),
        tag("p", result.lecture),
        tag("h3", "Try next"),
        tag("ul", *(tag("li", tag("code", line)) for line in result.turn_next)),
        tag("p", "To run this lesson again: ", tag("code", result.command), cls="account"),
    )
