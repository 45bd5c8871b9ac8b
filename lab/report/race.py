"""The page of one race: its conditions, and verdict, table and plots of every workload."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from lab.analysis import score
from lab.analysis.comparison import pool_names
from lab.analysis.transports import fastest
from lab.format import titles, words
from lab.format.transports import label
from lab.report.effects import effects_section
from lab.report.embed import plot
from lab.report.facts import Fact, facts, stamp
from lab.report.markup import dotted, join, tag
from lab.report.notes import interrupted_note, pool_notes
from lab.report.plots.latency import latency_curves
from lab.report.plots.makespan import makespan_bars
from lab.report.plots.panels import own_scales, panels
from lab.report.plots.series import Series, of_one_race
from lab.report.plots.slots import slot_times
from lab.report.plots.throughput import throughput
from lab.report.tables import Row, account_of, pool_cells, repeats_table, table
from lab.results.race import PoolResult, RaceResult, Verdict, WorkloadResult


def body(result: RaceResult) -> Markup:
    """Lay out the page's body."""
    names = pool_names([result])
    return join(
        tag("h1", titles.race_title(result)),
        tag("p", dotted(stamp(result)), cls="stamp"),
        interrupted_note(result),
        _winners(result),
        effects_section(result.workloads),
        *(_workload(work, place, names) for place, work in enumerate(result.workloads)),
        _conditions(facts(result)),
    )


def _winners(result: RaceResult) -> Markup | None:
    """Link to the workloads, with the winner of each."""
    if len(result.workloads) < 2:
        return None
    lines = [
        tag("li", tag("a", work.title, href=f"#workload-{place}"), ": ", _winner(work))
        for place, work in enumerate(result.workloads)
    ]
    return tag("nav", tag("ul", *lines), aria_label="Winners")


def _winner(work: WorkloadResult) -> Markup:
    if work.verdicts:
        return _winners_with(work.verdicts)
    verdict = work.verdict
    if work.effects:
        return tag("b", work.verdict.sentence.removesuffix("."))
    if verdict.winner is None or verdict.ratio is None:
        return tag("b", _undecided(verdict))
    than = (
        f", {words.times(verdict.ratio)} as fast as {verdict.runner_up}"
        if verdict.runner_up
        else ""
    )
    return join(tag("b", verdict.winner), than)


def _winners_with(verdicts: Sequence[Verdict]) -> Markup:
    """Name the winner with each transport, once if it is always the same."""
    named = {verdict.transport: _decided(verdict) for verdict in verdicts}
    if len(set(named.values())) == 1:
        return tag("b", _decided(verdicts[0]))
    parts = [join(tag("b", winner), f" with {transport}") for transport, winner in named.items()]
    return Markup(", ").join(parts)


def _decided(verdict: Verdict) -> str:
    return verdict.winner or _undecided(verdict)


def _undecided(verdict: Verdict) -> str:
    if verdict.ratio is None:
        return "no comparison"
    return "no difference measured" if verdict.reliable else "no reliable answer"


def _workload(work: WorkloadResult, place: int, names: Sequence[str]) -> Markup:
    total = score.total([account_of(pool) for pool in work.pools])
    return tag(
        "section",
        tag("h2", work.title),
        tag("p", dotted([work.task_label, *_ideal(work)]), cls="task"),
        verdict(work),
        table("pool", [_row(pool, work) for pool in work.pools], f"Pools compared: {work.title}"),
        tag("p", words.account(total, work.pools), cls="account"),
        pool_notes(work.pools),
        _plots(of_one_race(work.pools, names)),
        tag("details", tag("summary", "All repeats"), repeats_table(work.pools)),
        id=f"workload-{place}",
    )


def verdict(work: WorkloadResult) -> Markup:
    """Show the verdict; with several transports, that on each of them."""
    if not work.verdicts:
        return tag("p", work.verdict.sentence, cls="verdict")
    lines = [tag("li", tag("b", one.transport), " ", one.sentence) for one in work.verdicts]
    return tag("ul", *lines, cls="verdicts")


def _row(pool: PoolResult, work: WorkloadResult) -> Row:
    note = fastest(pool, work)
    return Row(
        name=label(pool, work.pools),
        note=note,
        best=bool(note),
        cells=pool_cells(pool),
    )


def _ideal(work: WorkloadResult) -> list[str]:
    alone = f"one task alone takes {words.duration(work.bare_wall_s)}"
    ideals = [pool.ideal_makespan_s for pool in work.pools if pool.ideal_makespan_s is not None]
    if not ideals:
        return [alone]
    least, greatest = words.duration(min(ideals)), words.duration(max(ideals))
    varied = f"{least} to {greatest}, depending on the number of slots"
    span = least if least == greatest else varied
    return [f"ideal makespan {span}", alone]


def _plots(series: list[Series]) -> Markup | None:
    stack = panels(series)
    if not stack:
        return None
    scales = "; each pool has its own scale" if own_scales(stack) else ""
    return tag(
        "div",
        plot(
            makespan_bars(series),
            "Makespan",
            "Bar: median of the repeats. Whisker: minimum to maximum. Dashed line: ideal.",
        ),
        plot(
            latency_curves([panel.series for panel in stack]),
            "Latency",
            "Share of tasks finished within a given time after they were due.",
        ),
        plot(
            throughput(stack),
            "Throughput over time",
            f"The median repeat{scales}.",
        ),
        plot(
            slot_times(stack),
            "Slots over time",
            f"The median repeat: one row per slot, one bar per task{scales}.",
        ),
        cls="plots",
    )


def _conditions(known: Sequence[Fact]) -> Markup:
    pairs = [tag("div", tag("dt", fact.label), tag("dd", fact.text)) for fact in known]
    return tag("section", tag("h2", "Run details"), tag("dl", *pairs), cls="facts")
