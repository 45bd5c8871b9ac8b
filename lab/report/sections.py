"""The parts of one race's page: what was run, and per workload verdict, table and plots."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from lab.analysis import score
from lab.format import words
from lab.report.curves import latency_curves
from lab.report.embed import plot
from lab.report.facts import Fact, facts, stamp
from lab.report.markup import dotted, join, tag
from lab.report.panels import own_scales, panels
from lab.report.plots import makespan_bars
from lab.report.series import Series, of_one_race
from lab.report.tables import Row, account_of, lost_ids, pool_cells, repeats_table, table
from lab.report.timelines import slot_times, throughput
from lab.results.race import PoolResult, RaceResult, WorkloadResult


def race(result: RaceResult) -> Markup:
    """Lay out one race."""
    names = pool_names([result])
    return join(
        tag("h1", f"Race on {result.host.name}"),
        tag("p", dotted(stamp(result)), cls="stamp"),
        interrupted(result),
        _answers(result),
        *(_workload(work, place, names) for place, work in enumerate(result.workloads)),
        _circumstances(facts(result)),
    )


def interrupted(result: RaceResult, whose: str = "This race") -> Markup | None:
    """Say that a race was cut short, where it was."""
    if not result.interrupted:
        return None
    text = f"{whose} was interrupted: what follows is what had been measured until then."
    return tag("p", text, cls="warning")


def pool_names(results: Sequence[RaceResult]) -> list[str]:
    """List every pool's name once, in the order of appearance."""
    works = [work for result in results for work in result.workloads]
    return list(dict.fromkeys(pool.pool for work in works for pool in work.pools))


def troubles(pools: Sequence[PoolResult], suffix: str = "") -> list[Markup]:
    """List remarks, worker deaths and lost tasks, each under its pool's name."""
    return [
        tag("li", tag("b", words.pool(pool.pool, pool.concurrency) + suffix), f": {text}")
        for pool in pools
        for text in [*_deaths(pool), *_losses(pool), *pool.remarks]
    ]


def _answers(result: RaceResult) -> Markup | None:
    if len(result.workloads) < 2:
        return None
    lines = [
        tag("li", tag("a", work.title, href=f"#workload-{place}"), ": ", _short(work))
        for place, work in enumerate(result.workloads)
    ]
    return tag("nav", tag("ul", *lines), aria_label="The answers in short")


def _short(work: WorkloadResult) -> Markup:
    verdict = work.verdict
    if verdict.winner is None or verdict.ratio is None:
        return tag("b", "no difference measured")
    than = (
        f", {words.times(verdict.ratio)} as fast as {verdict.runner_up}"
        if verdict.runner_up
        else ""
    )
    return join(tag("b", verdict.winner), than)


def _workload(work: WorkloadResult, place: int, names: Sequence[str]) -> Markup:
    total = score.total([account_of(pool) for pool in work.pools])
    notes = troubles(work.pools)
    return tag(
        "section",
        tag("h2", work.title),
        tag("p", dotted([work.task_label, *_ideal(work)]), cls="task"),
        tag("p", work.verdict.sentence, cls="verdict"),
        table("pool", [_row(pool, work) for pool in work.pools], f"Pools compared: {work.title}"),
        tag("p", words.account(total), cls="account"),
        tag("ul", *notes, cls="troubles") if notes else None,
        _plots(of_one_race(work.pools, names)),
        tag("details", tag("summary", "Every repeat"), repeats_table(work.pools)),
        id=f"workload-{place}",
    )


def _row(pool: PoolResult, work: WorkloadResult) -> Row:
    best = pool.pool == work.verdict.winner
    return Row(
        name=words.pool(pool.pool, pool.concurrency),
        note="fastest" if best else "",
        best=best,
        cells=pool_cells(pool),
    )


def _ideal(work: WorkloadResult) -> list[str]:
    ideals = [pool.ideal_makespan_s for pool in work.pools] or [0.0]
    least, greatest = words.duration(min(ideals)), words.duration(max(ideals))
    span = least if least == greatest else f"{least} to {greatest}, by the slots there were"
    return [f"ideal {span}", f"one task alone {words.duration(work.bare_wall_s)}"]


def _plots(series: list[Series]) -> Markup | None:
    stack = panels(series)
    if not stack:
        return None
    scales = "; each pool on scales of its own" if own_scales(stack) else ""
    return tag(
        "div",
        plot(
            makespan_bars(series),
            "Makespan",
            "Bar: median of the repeats. Whisker: least to greatest. Dashed: the ideal.",
        ),
        plot(
            latency_curves([panel.one for panel in stack]),
            "Latency",
            "Tasks done within a time, counted from when they were due.",
        ),
        plot(
            throughput(stack),
            "Throughput over time",
            f"The median repeat{scales}.",
        ),
        plot(
            slot_times(stack),
            "Which slot ran what, when",
            f"A row per slot, a bar per task{scales}.",
        ),
        cls="plots",
    )


def _deaths(pool: PoolResult) -> list[str]:
    return [
        f"the worker died in repeat {turn}: {repeat.worker_died}"
        for turn, repeat in enumerate(pool.repeats, 1)
        if repeat.worker_died
    ]


def _losses(pool: PoolResult) -> list[str]:
    ids = account_of(pool).lost_ids
    return [f"lost tasks: {lost_ids(ids)}"] if ids else []


def _circumstances(known: Sequence[Fact]) -> Markup:
    pairs = [tag("div", tag("dt", fact.label), tag("dd", fact.text)) for fact in known]
    return tag("section", tag("h2", "How it was run"), tag("dl", *pairs), cls="facts")
