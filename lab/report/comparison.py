"""The page that compares several races, workload by workload."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from lab.analysis.comparison import (
    ComparedPool,
    ComparedRace,
    compared_pools,
    lettered,
    workload_names,
)
from lab.analysis.factors import factor_text, overall
from lab.format import titles
from lab.report.embed import plot
from lab.report.facts import Fact, differs, facts, stamp
from lab.report.markup import dotted, join, tag
from lab.report.notes import interrupted_note, pool_notes
from lab.report.plots.latency import latency_curves
from lab.report.plots.makespan import makespan_bars
from lab.report.plots.series import STYLES, Series, of_transport
from lab.report.tables import Row, TableCell, pool_cells, table
from lab.results.race import RaceResult, WorkloadResult

FACTOR = (
    "Factor: the median makespan divided by that of the first race that ran the same pool, with "
    "its 95 % bootstrap interval; over several pools, the geometric mean."
)
SIZED = (
    "Tasks that compute are sized to take the same CPU time on each machine, so the factors do not "
    "show that one machine computes faster; the details do."
)


def body(results: Sequence[RaceResult]) -> Markup:
    """Lay out the page's body."""
    races = lettered(results)
    return join(
        tag("h1", f"{len(races)} races compared"),
        tag("ol", *(_race_line(race) for race in races), cls="races"),
        _overall(races),
        *(interrupted_note(race.result, f"Race {race.letter}") for race in races),
        _conditions(races),
        *(_workload(races, name) for name in workload_names(races)),
    )


def _race_line(race: ComparedRace) -> Markup:
    title = titles.race_title(race.result)
    return tag("li", tag("b", f"{race.letter} {title}"), " ", dotted(stamp(race.result)))


def _overall(races: Sequence[ComparedRace]) -> Markup:
    rows = zip(*(facts(race.result) for race in races), strict=True)
    other_speed = any(differs(row) for row in rows if any(fact.speed is not None for fact in row))
    return tag(
        "section",
        tag("h2", "Verdict"),
        *(tag("p", sentence, cls="verdict") for sentence in overall(races)),
        tag("p", FACTOR, cls="account"),
        tag("p", SIZED, cls="account") if other_speed else None,
    )


def _conditions(races: Sequence[ComparedRace]) -> Markup:
    rows: list[tuple[Fact, ...]] = list(zip(*(facts(race.result) for race in races), strict=True))
    different = [row for row in rows if differs(row)]
    labels = ", ".join(row[0].label for row in different)
    return tag(
        "section",
        tag("h2", "Run details"),
        tag(
            "p",
            f"Differences: {labels}." if different else "No relevant differences.",
            cls="warning" if different else "account",
        ),
        _fact_table(races, different, "Differences") if different else None,
        tag("details", tag("summary", "All details"), _fact_table(races, rows, "All details")),
        cls="facts",
    )


def _fact_table(
    races: Sequence[ComparedRace], rows: Sequence[Sequence[Fact]], caption: str
) -> Markup:
    return table("detail", [_fact_row(races, row) for row in rows], caption, cards=False)


def _fact_row(races: Sequence[ComparedRace], row: Sequence[Fact]) -> Row:
    different = differs(row)
    cells = tuple(
        TableCell(head=race.letter, body=fact.text, alarm=different)
        for race, fact in zip(races, row, strict=True)
    )
    return Row(name=row[0].label, note="differs" if different else "", cells=cells)


def _workload(races: Sequence[ComparedRace], name: str) -> Markup:
    compared = compared_pools(races, name)
    held = [(race, work) for race in races if (work := race.workload(name))]
    return tag(
        "section",
        tag("h2", held[0][1].title),
        _tasks(races, held),
        tag("ul", *(_verdict_line(race, work) for race, work in held), cls="verdicts"),
        table("pool · race", [_row(one) for one in compared], f"Races compared: {name}"),
        *(pool_notes(work.pools, f" · {race.letter}") for race, work in held),
        _plots(compared),
    )


def _tasks(
    races: Sequence[ComparedRace], held: Sequence[tuple[ComparedRace, WorkloadResult]]
) -> Markup:
    labels = {work.task_label for _, work in held}
    missing = [race.letter for race in races if race.workload(held[0][1].name) is None]
    absent = f" · not run in {', '.join(missing)}" if missing else ""
    if len(labels) == 1 and len({work.digest for _, work in held}) == 1:
        return tag("p", labels.pop() + absent, cls="task")
    if len(labels) == 1:
        text = f"The races ran {labels.pop()}, but their arguments differ{absent}"
        return tag("p", text, cls="warning")
    each = "; ".join(f"{race.letter}: {work.task_label}" for race, work in held)
    return tag("p", f"The races ran different work: {each}{absent}", cls="warning")


def _verdict_line(race: ComparedRace, work: WorkloadResult) -> Markup:
    return tag("li", tag("b", race.letter), " ", work.verdict.sentence)


def _row(one: ComparedPool) -> Row:
    makespan, *rest = pool_cells(one.pool)
    factor = TableCell(head="factor", body=factor_text(one), quiet=one.baseline is None)
    name = join(one.name, " ", tag("span", f"· {one.race.letter}", cls="piece"))
    return Row(name=name, cells=(makespan, factor, *rest))


def _plots(compared: Sequence[ComparedPool]) -> Markup | None:
    if not compared:
        return None
    series = [_series(one) for one in compared]
    curves = [
        plot(
            latency_curves(group),
            f"Latency: {group[0].pool.pool}",
            "Share of tasks finished within a given time after they were due.",
        )
        for group in _by_pool(series)
    ]
    caption = "Bar: median of the repeats. Whisker: minimum to maximum. Dashed line: ideal."
    return tag(
        "div", plot(makespan_bars(series), "Makespan", caption, wide=True), *curves, cls="plots"
    )


def _series(one: ComparedPool) -> Series:
    style = STYLES[one.race.position % len(STYLES)]
    several = len({pool.transport for pool in one.work.pools}) > 1
    return Series(
        label=one.label,
        style=of_transport(style, one.pool.transport if several else ""),
        pool=one.pool,
        short=f"{one.pool.transport} · {one.race.letter}" if several else "",
    )


def _by_pool(series: Sequence[Series]) -> list[list[Series]]:
    groups: dict[str, list[Series]] = {}
    for one in series:
        if one.latencies_s:
            groups.setdefault(one.pool.pool, []).append(one)
    return list(groups.values())
