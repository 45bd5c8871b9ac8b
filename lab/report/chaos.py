"""The page of a run of faults: what was lost, why, what helps, and how to repeat each cell."""

from __future__ import annotations

from statistics import median
from typing import Final

from markupsafe import Markup

from lab.format import chaos, words
from lab.report.document import document
from lab.report.facts import machine
from lab.report.markup import dotted, join, tag
from lab.report.tables import Row, TableCell, table
from lab.results.chaos import ChaosCell, ChaosResult, ChaosSettings, Explanation, Named


def render(result: ChaosResult) -> str:
    """Render a run of faults as an HTML document that loads nothing."""
    return document(
        "Poolwise chaos: what is lost when something dies",
        join(
            tag("h1", "What is lost when something dies?"),
            tag("p", dotted(_stamp(result)), cls="stamp"),
            tag("ul", *(tag("li", line) for line in chaos.summary_lines(result)), cls="verdicts"),
            _matrix(result),
            _explanations(result),
            _cells(result),
            _names("Delivery settings", result.settings.deliveries),
            _names("Faults", result.settings.faults),
            _notes(result),
        ),
    )


def _stamp(result: ChaosResult) -> list[str]:
    asked, versions = result.settings, result.versions
    return [
        machine(result.host),
        words.moment(result.started_at),
        f"Poolwise {versions.poolwise}",
        f"Celery {versions.celery}",
        f"kombu {versions.kombu}",
        versions.broker,
        _workers(asked),
        f"tasks of {words.duration(asked.task_s)}",
        f"{words.counted(asked.kills, 'fault')} per combination",
        f"seed {asked.seed}",
        f"took {words.duration(result.elapsed_s)}",
    ]


def _workers(asked: ChaosSettings) -> str:
    if not asked.slots:  # of docker compose, with whatever they were started
        return words.counted(len(asked.pools), "running worker")
    slots = words.counted(asked.slots, "slot")
    return f"{words.counted(asked.workers, 'worker')} with {slots} each"


def _matrix(result: ChaosResult) -> Markup:
    names = [one.name for one in result.settings.deliveries]
    cells = {(one.fault, one.pool, one.settings): one for one in result.cells}
    rows = [
        Row(
            name=fault,
            note=pool,
            cells=tuple(_matrix_cell(name, cells.get((fault, pool, name))) for name in names),
        )
        for fault, pool in dict.fromkeys((one.fault, one.pool) for one in result.cells)
    ]
    return tag(
        "section",
        tag("h2", "What became of the tasks"),
        table("fault and pool", rows, "What became of the tasks"),
        tag("p", chaos.legend(result.cells), cls="account"),
    )


def _matrix_cell(name: str, cell: ChaosCell | None) -> TableCell:
    if cell is None:
        return TableCell(head=name, body="", quiet=True)
    return TableCell(head=name, body=chaos.cell_text(cell), alarm=chaos.is_bad(cell))


def _explanations(result: ChaosResult) -> Markup | None:
    if not result.explanations:
        return None
    return tag("section", tag("h2", "Why, and what helps"), *map(_explanation, result.explanations))


def _explanation(one: Explanation) -> Markup:
    return tag("p", tag("b", chaos.explanation_heading(one)), " ", one.why, " ", one.cure)


#: What the columns of the table of all combinations count.
_COLUMNS: Final = (
    "twice, by the fault: ended more than once, with a fault in between · twice, otherwise: ended "
    "more than once, with no fault in between · never again: interrupted by a fault and not "
    "started again · first back: median time from a fault until the first task that the fault had "
    "interrupted started again; after a fault of Redis, the network or a container, from its end "
    "until one worker ran a task that was sent later · last back: the same for the last "
    "interrupted task, or until every worker ran one that was sent later · p95 and slowest: the "
    "95th percentile and the maximum of last back · resumed: faults after which every "
    "worker ran tasks again by itself"
)


def _cells(result: ChaosResult) -> Markup:
    measured = [one for one in result.cells if not one.skipped]
    rows = [
        Row(name=one.fault, note=f"{one.pool}, {one.settings}", cells=_account(one))
        for one in measured
    ]
    commands = [tag("li", tag("code", one.command)) for one in measured]
    return tag(
        "section",
        tag("h2", "Every combination"),
        table("fault, pool and settings", rows, "Every combination"),
        tag("p", _COLUMNS, cls="account"),
        tag(
            "details",
            tag("summary", "Commands that repeat one combination"),
            tag("ul", *commands, cls="choices"),
        ),
    )


def _account(cell: ChaosCell) -> tuple[TableCell, ...]:
    account = cell.account
    counts = {
        "failed": account.failed,
        "revoked": account.revoked,
        "dead-lettered": account.dead,
        "refused": account.refused,
        "held": account.held,
        "lost": account.lost,
        "unknown": account.unknown,
        "twice, by the fault": account.twice_by_fault,
        "twice, otherwise": account.twice_otherwise,
        "early": account.early,
        "never again": cell.never_again,
    }
    bad = {"lost", "early", "twice, otherwise"}
    return (
        TableCell(head="faults that hit", body=f"{cell.hits} of {cell.aimed}"),
        TableCell(head="submitted", body=words.count(account.submitted)),
        TableCell(head="finished", body=words.count(account.finished)),
        *(
            TableCell(
                head=head,
                body=words.count(number),
                alarm=number > 0 and head in bad,
                quiet=not number,
                zero=not number,
            )
            for head, number in counts.items()
        ),
        TableCell(head="first back", body=_median(cell.first_again_s)),
        TableCell(head="last back", body=_median(cell.last_again_s)),
        TableCell(head="p95", body=_p95(cell.last_again_s)),
        TableCell(head="slowest", body=_most(cell.last_again_s)),
        TableCell(
            head="resumed",
            body=f"{cell.resumed} of {cell.aimed}",
            alarm=cell.resumed < cell.aimed,
        ),
    )


def _median(values: tuple[float, ...]) -> str:
    return words.duration(median(values)) if values else words.NOTHING


def _p95(values: tuple[float, ...]) -> str:
    return words.duration(chaos.middle_and_p95(values)[-1]) if values else words.NOTHING


def _most(values: tuple[float, ...]) -> str:
    return words.duration(max(values)) if values else words.NOTHING


def _names(title: str, named: tuple[Named, ...]) -> Markup:
    items = (tag("li", tag("b", one.name), f": {one.text}") for one in named)
    return tag("section", tag("h2", title), tag("ul", *items, cls="choices"))


def _notes(result: ChaosResult) -> Markup | None:
    notes = chaos.notes(result)
    repeat = tag("p", "To repeat this: ", tag("code", result.settings.command), cls="account")
    listed = tag("ul", *(tag("li", note) for note in notes), cls="choices") if notes else None
    return tag("section", tag("h2", "Notes"), listed, repeat)
