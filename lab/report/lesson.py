"""A lesson as one HTML page: the question, the timelines, the figures, the verdict."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from lab.format import words
from lab.format.cells import cell_text
from lab.format.lessons import LETTERS, MEANINGS, expectation
from lab.report.cycle import cycle
from lab.report.embed import plot
from lab.report.markup import dotted, join, tag
from lab.report.page import document
from lab.report.scenes import KEY, timeline
from lab.results.lesson import Cell, Column, LessonResult, Scene, Table


def render(told: LessonResult) -> str:
    """Render a lesson as one HTML document that loads nothing."""
    title = f"Poolwise lesson: {told.title}"
    return document(
        title,
        join(
            tag("h1", told.title),
            tag("p", dotted(_stamp(told)), cls="stamp"),
            _question(told),
            tag(
                "section",
                tag("h2", "What happened, and when"),
                _key(told),
                tag("div", *(_scene(scene) for scene in told.scenes), cls="plots"),
            )
            if told.scenes
            else None,
            _figures(told) if not told.findings.skipped else _skipped(told),
            _after(told),
        ),
    )


def _stamp(told: LessonResult) -> list[str]:
    versions, host = told.versions, told.host
    return [
        f"{host.name}: {host.cores} cores, {words.size(host.memory_bytes)}",
        words.moment(told.started_at),
        f"Poolwise {versions.poolwise}",
        f"Celery {versions.celery}",
        f"Python {versions.python}",
        f"gevent {versions.gevent}",
        versions.broker,
        *([f"on {', '.join(told.workers)}"] if told.workers else []),
        f"clocks agree within {words.duration(told.clock_error_s)}",
    ]


def _question(told: LessonResult) -> Markup:
    asked = told.expectation
    choices = [
        tag("li", f"[{letter}] {text}")
        for letter, text in zip(LETTERS, asked.choices, strict=False)
    ]
    said = expectation(told)
    return tag(
        "section",
        tag("p", told.setting),
        tag("h2", asked.question),
        tag("ul", *choices, cls="choices"),
        tag("p", tag("b", said)) if said else None,
    )


def _key(told: LessonResult) -> Markup:
    there = {bar.doing for scene in told.scenes for bar in scene.bars}
    return tag(
        "p",
        *(
            tag(
                "span",
                tag("i", style=f"background:{look.colour}"),
                f" {MEANINGS[doing]}",
                cls="key",
            )
            for doing, look in KEY.items()
            if doing in there
        ),
        cls="keys",
    )


def _scene(scene: Scene) -> Markup:
    drawn = plot(timeline(scene), scene.title, scene.caption, wide=bool(scene.waits_for))
    if not scene.waits_for:
        return drawn
    return tag("div", drawn, cycle(scene.waits_for), cls="wide")


def _skipped(told: LessonResult) -> Markup:
    return tag("p", f"Skipped: {told.findings.skipped}", cls="warning")


def _figures(told: LessonResult) -> Markup:
    claims = [
        tag(
            "li",
            tag("b", "✓ " if claim.holds else "✗ not borne out: "),
            f"{claim.says}: ",
            tag("b", claim.seen),
            cls=None if claim.holds else "alarm",
        )
        for claim in told.findings.claims
    ]
    return tag(
        "section",
        tag("h2", "Figures"),
        *(_table(table) for table in told.findings.tables),
        tag("ul", *claims, cls="claims"),
        tag("p", told.findings.verdict, cls="verdict"),
        *(tag("p", remark, cls="account") for remark in told.findings.remarks),
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
    """Write a row; its first cell names it."""
    texts = [cell_text(cell, column.unit) for cell, column in zip(row, columns, strict=True)]
    first = tag("th", texts[0], cls=_side(columns[0]))
    rest = zip(texts[1:], columns[1:], strict=True)
    return [first, *(tag("td", text, data_head=c.heading, cls=_side(c)) for text, c in rest)]


def _side(column: Column) -> str | None:
    """Align words to the left."""
    return "words" if column.unit == "text" else None


def _after(told: LessonResult) -> Markup:
    return tag(
        "section",
        tag("h2", "The lecture, and a cluster today"),
        tag("p", told.lecture),
        tag("h3", "Turn next"),
        tag("ul", *(tag("li", tag("code", line)) for line in told.turn_next)),
        tag("p", "This one again: ", tag("code", told.command), cls="account"),
    )
