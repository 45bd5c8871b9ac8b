"""The parts of a page that compares races, workload by workload; it knows no single race's page."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from lab.format import words
from lab.report.curves import latency_curves
from lab.report.embed import plot
from lab.report.facts import Fact, differs, facts, stamp
from lab.report.markup import dotted, join, tag
from lab.report.plots import makespan_bars
from lab.report.sections import interrupted, pool_names, troubles
from lab.report.series import LOOKS, Series
from lab.report.tables import Cell, Row, pool_cells, table
from lab.results.race import Interval, PoolResult, RaceResult, WorkloadResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One race under the letter that stands for it on the page."""

    letter: str
    place: int
    result: RaceResult

    def workload(self, name: str) -> WorkloadResult | None:
        """Find a workload by its name."""
        return next((work for work in self.result.workloads if work.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One pool of one side, beside the same pool of the first side that ran it."""

    side: Side
    pool: PoolResult
    base: PoolResult | None  # None: this is the base itself

    @property
    def label(self) -> str:
        """The pool and the side's letter."""
        return f"{words.pool(self.pool.pool, self.pool.concurrency)} · {self.side.letter}"


def races(results: Sequence[RaceResult]) -> Markup:
    """Lay out several races side by side."""
    sides = [
        Side(letter=_letter(place), place=place, result=result)
        for place, result in enumerate(results)
    ]
    works = dict.fromkeys(work.name for result in results for work in result.workloads)
    return join(
        tag("h1", f"{len(sides)} races compared"),
        tag("ol", *(_side_line(side) for side in sides), cls="sides"),
        *(interrupted(side.result, f"Race {side.letter}") for side in sides),
        _circumstances(sides),
        *(_workload(sides, name) for name in works),
    )


def entries(sides: Sequence[Side], name: str) -> list[Entry]:
    """Pair the pools of one workload over the sides, the same pool's rows together."""
    found: list[Entry] = []
    bases: dict[tuple[str, int], PoolResult] = {}
    for side in sides:
        work = side.workload(name)
        for pool in work.pools if work else ():
            base = bases.get((pool.pool, pool.concurrency))
            bases.setdefault((pool.pool, pool.concurrency), pool)
            found.append(Entry(side=side, pool=pool, base=base))
    order = pool_names([side.result for side in sides])
    return sorted(
        found, key=lambda one: (order.index(one.pool.pool), one.pool.concurrency, one.side.place)
    )


def change(now: PoolResult, base: PoolResult) -> str:
    """Say how a pool's makespan moved against the base, or that the two spreads overlap."""
    if now.summary is None or base.summary is None:
        return "not comparable"
    if _overlap(now.summary.makespan_s, base.summary.makespan_s):
        return "within the spread"
    ratio = now.summary.makespan_s.median / max(base.summary.makespan_s.median, 1e-9)
    return f"{words.times(ratio)} as long"


def _overlap(one: Interval, other: Interval) -> bool:
    return one.low <= other.high and other.low <= one.high


def _letter(place: int) -> str:
    letters = string.ascii_uppercase
    return letters[place] if place < len(letters) else str(place + 1)


def _side_line(side: Side) -> Markup:
    return tag("li", tag("b", side.letter), " ", dotted(stamp(side.result)))


def _circumstances(sides: Sequence[Side]) -> Markup:
    rows: list[tuple[Fact, ...]] = list(zip(*(facts(side.result) for side in sides), strict=True))
    unlike = [row[0].label for row in rows if differs(row)]
    everything = _fact_table(sides, rows, "Everything side by side")
    said = f"Different: {', '.join(unlike)}." if unlike else "Nothing that matters is different."
    return tag(
        "section",
        tag("h2", "How they were run"),
        tag("p", said, cls="warning" if unlike else "account"),
        _fact_table(sides, [row for row in rows if differs(row)], "What differs")
        if unlike
        else None,
        tag("details", tag("summary", "Everything side by side"), everything),
        cls="facts",
    )


def _fact_table(sides: Sequence[Side], rows: Sequence[Sequence[Fact]], caption: str) -> Markup:
    return table("fact", [_fact_row(sides, row) for row in rows], caption, cards=False)


def _fact_row(sides: Sequence[Side], row: Sequence[Fact]) -> Row:
    unlike = differs(row)
    cells = tuple(
        Cell(head=side.letter, body=fact.text, alarm=unlike)
        for side, fact in zip(sides, row, strict=True)
    )
    return Row(name=row[0].label, note="differs" if unlike else "", cells=cells)


def _workload(sides: Sequence[Side], name: str) -> Markup:
    compared = entries(sides, name)
    held = [(side, work) for side in sides if (work := side.workload(name))]
    notes = [note for side, work in held for note in troubles(work.pools, f" · {side.letter}")]
    return tag(
        "section",
        tag("h2", held[0][1].title),
        _tasks(sides, held),
        tag("ul", *(_verdict_line(side, work) for side, work in held), cls="verdicts"),
        table("pool · race", [_row(one) for one in compared], f"Races compared: {name}"),
        tag("ul", *notes, cls="troubles") if notes else None,
        _plots(compared),
    )


def _tasks(sides: Sequence[Side], held: Sequence[tuple[Side, WorkloadResult]]) -> Markup:
    labels = {work.task_label for _, work in held}
    missing = [side.letter for side in sides if side.workload(held[0][1].name) is None]
    absent = f" · not run in {', '.join(missing)}" if missing else ""
    if len(labels) == 1:
        return tag("p", labels.pop() + absent, cls="task")
    asked = "; ".join(f"{side.letter}: {work.task_label}" for side, work in held)
    return tag("p", f"Different work was asked for: {asked}{absent}", cls="warning")


def _verdict_line(side: Side, work: WorkloadResult) -> Markup:
    return tag("li", tag("b", side.letter), " ", work.verdict.sentence)


def _row(one: Entry) -> Row:
    makespan, *rest = pool_cells(one.pool)
    if one.base is not None:
        moved = tag("small", change(one.pool, one.base))
        makespan = replace(makespan, body=join(f"{makespan.body} ", moved), quiet=False)
    return Row(name=one.label, cells=(makespan, *rest))


def _plots(compared: Sequence[Entry]) -> Markup | None:
    if not compared:
        return None
    series = [
        Series(label=one.label, look=LOOKS[one.side.place % len(LOOKS)], pool=one.pool)
        for one in compared
    ]
    curves = [
        plot(latency_curves(group), f"Latency: {group[0].pool.pool}", "Tasks done within a time.")
        for group in _by_pool(series)
    ]
    caption = "Bar: median of the repeats. Whisker: least to greatest. Dashed: the ideal."
    return tag(
        "div", plot(makespan_bars(series), "Makespan", caption, wide=True), *curves, cls="plots"
    )


def _by_pool(series: Sequence[Series]) -> list[list[Series]]:
    groups: dict[str, list[Series]] = {}
    for one in series:
        if one.latencies_s:
            groups.setdefault(one.pool.pool, []).append(one)
    return list(groups.values())
