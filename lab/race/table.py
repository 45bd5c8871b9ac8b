"""A race's result at the terminal: a table per workload."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from lab.analysis.score import total
from lab.analysis.transports import fastest
from lab.format import words
from lab.format.tables import Column, figures, print_table
from lab.format.transports import (
    change_text,
    cpu_text,
    distinct,
    effects_sentence,
    label,
    pair,
    ratio_text,
)
from lab.results.race import PoolSummary, RaceResult, TransportEffect, WorkloadResult

#: The headings of the figures, in order.
HEADINGS = (
    "makespan",
    "throughput",
    "latency p50/p95/p99",
    "CPU per task",
    "memory",
    "of ideal",
)
COLUMNS: Final = (Column(heading="pool"), *figures(*HEADINGS), Column(heading=""))
#: Explain three of the headings.
LATENCY: Final = (
    "latency: from when a task is due until it finishes, including its time in the queue"
)
MEMORY: Final = "memory: the peak of the whole worker"
OF_IDEAL: Final = (
    "of ideal: the shortest makespan possible with the pool's slots at the highest speed measured, "
    "divided by the measured makespan"
)


def show(result: RaceResult, console: Console) -> None:
    """Print all figures, verdicts and remarks."""
    for workload in result.workloads:
        _show_workload(workload, console)
    if any(pool.summary is not None for work in result.workloads for pool in work.pools):
        console.print(LATENCY, style="dim", highlight=False)
        console.print(MEMORY, style="dim", highlight=False)
    if any(pool.ideal_makespan_s is not None for work in result.workloads for pool in work.pools):
        console.print(OF_IDEAL, style="dim", highlight=False)
    if result.interrupted:
        console.print("Interrupted: only the workloads above are complete.", style="bold")


def _show_workload(workload: WorkloadResult, console: Console) -> None:
    console.print(Text(f"{workload.title}: {workload.task_label}", style="bold"))
    console.print(Text(_ideals(workload), style="dim"))
    _show_figures(workload, console)
    if workload.verdicts:
        for verdict in workload.verdicts:
            console.print(Text(f"{verdict.transport}: {verdict.sentence}"))
    else:
        console.print(Text(workload.verdict.sentence))
    if workload.effects:
        if workload.verdicts:  # else it is the verdict
            console.print(Text(effects_sentence(workload.effects)))
        _show_effects(workload.effects, console)
    transports = {pool.transport for pool in workload.pools}
    for pool in workload.pools:
        name = ", ".join(filter(None, (pool.pool, distinct(pool.transport, transports))))
        for remark in pool.remarks:
            console.print(Padding(Text(f"{name}: {remark}.", style="dim"), (0, 0, 0, 2)))
    account = total([repeat.account for pool in workload.pools for repeat in pool.repeats])
    console.print(words.account(account, workload.pools), highlight=False)
    console.print()


def _ideals(workload: WorkloadResult) -> str:
    """Write the ideal makespan, or that of each pool if their slots make a difference."""
    by_pool = {
        words.pool(pool.pool, pool.concurrency): words.duration(pool.ideal_makespan_s)
        for pool in workload.pools
        if pool.ideal_makespan_s is not None
    }
    if not by_pool:
        return f"one task alone takes {words.duration(workload.bare_wall_s)}"
    known = all(pool.ideal_makespan_s is not None for pool in workload.pools)
    if len(set(by_pool.values())) == 1 and known:
        return f"ideal makespan {next(iter(by_pool.values()))}"
    return "ideal makespan " + ", ".join(f"{ideal} ({name})" for name, ideal in by_pool.items())


def _show_figures(workload: WorkloadResult, console: Console) -> None:
    rows = []
    for pool in workload.pools:
        won = fastest(pool, workload)
        mark = f"← {won}" if won else "" if pool.summary else "no complete repeat"
        figures = _figures(pool.summary) if pool.summary else [""] * len(HEADINGS)
        rows.append((label(pool, workload.pools), *figures, mark))
    print_table(console, COLUMNS, rows)


def _show_effects(effects: Sequence[TransportEffect], console: Console) -> None:
    """Print for each pool what the transport changes."""
    ratio = pair(effects[0])
    headings = ("pool", f"makespan {ratio}", "difference", f"CPU per task {ratio}")
    rows = [
        (words.pool(one.pool, one.concurrency), ratio_text(one), change_text(one), cpu_text(one))
        for one in effects
    ]
    print_table(console, [Column(heading=heading) for heading in headings], rows)


def _figures(summary: PoolSummary) -> tuple[str, ...]:
    latencies_s = (summary.latency_p50_s, summary.latency_p95_s, summary.latency_p99_s)
    return (
        words.spread(summary.makespan_s),
        words.rate(summary.throughput_per_s.median),
        " / ".join(words.duration(latency_s) for latency_s in latencies_s),
        words.known(summary.cpu_s_per_task, words.duration),
        words.known(summary.peak_pss_bytes, words.size),
        words.known(summary.of_ideal, words.percent),
    )


def closing_line(result: RaceResult, report: str) -> str:
    """Return the last line: the path of the report, with the command that repeats the race."""
    return f"Report: {report}   ·   to repeat: {result.settings.command}"
