"""The section that shows at a glance what another transport changes, pool by pool."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from markupsafe import Markup

from lab.format import words
from lab.format.transports import change_text, cpu_text, effects_sentence, pair, ratio_text
from lab.report.embed import plot
from lab.report.markup import tag
from lab.report.plots.effects import Effect, effect_plot
from lab.report.tables import Row, TableCell, table
from lab.results.race import PoolResult, PoolSummary, WorkloadResult

EXPLAINED = (
    "{pair}: the median makespan with {transport}, divided by that with {baseline}, with its 95 % "
    "bootstrap interval; below 1, {transport} is faster. CPU, {pair}: the CPU time per "
    "task with {transport}, divided by that with {baseline}."
)


def effects_section(works: Sequence[WorkloadResult]) -> Markup | None:
    """Compare the transports; None if the race had one."""
    found = [Effect(work=work, effect=one) for work in works for one in work.effects]
    if not found:
        return None
    first = found[0].effect
    pools = (pool.pool for work in works for pool in work.pools)
    names = list(dict.fromkeys([*pools, *(one.effect.pool for one in found)]))
    text = EXPLAINED.format(pair=pair(first), transport=first.transport, baseline=first.baseline)
    drawn = effect_plot(found, names, pair(first))
    return tag(
        "section",
        tag("h2", f"What the transport changes: {first.transport} against {first.baseline}"),
        tag("ul", *map(_said, works), cls="verdicts"),
        tag(
            "div",
            plot(
                drawn,
                f"Makespan, {pair(first)}",
                "Dot: ratio of the medians. Whisker: 95 % interval. Dashed line: no change.",
                wide=True,
            ),
            cls="plots",
        )
        if drawn.data
        else None,
        table("pool", [_row(one) for one in found], "Transports compared"),
        tag("p", text, cls="account"),
        id="transports",
    )


def _said(work: WorkloadResult) -> Markup:
    return tag("li", tag("b", work.name), " ", effects_sentence(work.effects))


def _row(one: Effect) -> Row:
    effect = one.effect
    this, that = (_pool(one, transport) for transport in (effect.transport, effect.baseline))
    both = ((effect.baseline, that), (effect.transport, this))
    change = effect.change
    return Row(
        name=words.pool(effect.pool, effect.concurrency),
        note=one.work.name,
        best=change == "faster",
        cells=(
            TableCell(head=pair(effect), body=ratio_text(effect)),
            TableCell(head="difference", body=change_text(effect), alarm=change == "slower"),
            *(_figure(f"makespan, {name}", pool, _makespan) for name, pool in both),
            *(_figure(f"of ideal, {name}", pool, _of_ideal) for name, pool in both),
            *(_figure(f"CPU per task, {name}", pool, _cpu) for name, pool in both),
            TableCell(head=f"CPU, {pair(effect)}", body=cpu_text(effect)),
        ),
    )


def _pool(one: Effect, transport: str) -> PoolResult | None:
    effect = one.effect
    wanted = (effect.pool, effect.concurrency, transport)
    pools = (
        pool for pool in one.work.pools if (pool.pool, pool.concurrency, pool.transport) == wanted
    )
    return next(pools, None)


def _figure(head: str, pool: PoolResult | None, write: Callable[[PoolSummary], str]) -> TableCell:
    summary = pool.summary if pool else None
    return TableCell(head=head, body=write(summary) if summary else words.NOTHING)


def _makespan(summary: PoolSummary) -> str:
    return words.spread(summary.makespan_s)


def _of_ideal(summary: PoolSummary) -> str:
    return words.known(summary.of_ideal, words.percent)


def _cpu(summary: PoolSummary) -> str:
    return words.known(summary.cpu_s_per_task, words.duration)
