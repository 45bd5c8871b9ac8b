"""An observation as a person reads it at a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from lab.format import words
from lab.results.observation import ObservationResult, TaskFigures, WorkerFigures
from producer.observation.finding import Finding

#: Findings that are shown; the result has all of them.
SHOWN: Final = 3
NOTHING_FOUND: Final = "Nothing was found that costs throughput or work."


def show(result: ObservationResult, console: Console) -> None:
    """Print the tasks, the workers, what the sources cannot tell, then the findings."""
    if result.tasks:
        console.print(_tasks(result.tasks))
        console.print()
    console.print(_workers(result.workers))
    for note in result.notes:
        console.print(f"note: {note}", highlight=False, markup=False, soft_wrap=True)
    console.print()
    for line in finding_lines(result):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _tasks(tasks: Sequence[TaskFigures]) -> Table:
    table = _table("task", ("ended", "rate", "run p50 / p95", "queued", "held", "failed"))
    for heading in ("retried", "redelivered"):
        table.add_column(heading, justify="right")
    for one in tasks:
        table.add_row(
            one.task,
            words.count(one.ended),
            words.rate(one.rate_per_s),
            _pair(one.run_p50_s, one.run_p95_s),
            _pair(one.queued_p50_s, one.queued_p95_s),
            _pair(one.held_p50_s, one.held_p95_s),
            *(words.known(value, words.count) for value in (one.failures, one.retries)),
            words.known(one.redeliveries, words.count),
        )
    return table


def _pair(middle: float | None, high: float | None) -> str:
    if middle is None or high is None:
        return words.NOTHING
    return f"{words.duration(middle)} / {words.duration(high)}"


def _workers(workers: Sequence[WorkerFigures]) -> Table:
    table = _table("worker", ("pool", "source", "slots busy", "CPU of run time", "cores"))
    for heading in ("memory", "grew by", "most held", "held while others were idle"):
        table.add_column(heading, justify="right")
    for one in workers:
        table.add_row(
            one.node,
            words.pool(one.pool, one.slots),
            one.source,
            words.known(one.busy_share, words.percent),
            words.known(one.cpu_share, words.percent),
            words.known(one.cores, "{:.2f}".format),
            words.known(one.memory_bytes, words.size),
            words.known(one.memory_growth_bytes, words.size),
            words.known(one.most_waiting, words.count),
            words.known(one.held_idle_s, words.duration),
        )
    return table


def _table(first: str, others: Sequence[str]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(first, no_wrap=True)
    for heading in others:
        table.add_column(heading, justify="right")
    return table


def finding_lines(result: ObservationResult) -> list[str]:
    """Return the most useful findings, each with its evidence and what to change."""
    lines = []
    if result.interrupted:
        lines.append(f"Stopped early, after {words.duration(result.span_s)}.")
    if not result.findings:
        return [*lines, _nothing(result)]
    for number, one in enumerate(result.findings[:SHOWN], 1):
        lines += _lines_of(number, one)
    if len(result.findings) > SHOWN:
        lines.append(f"{len(result.findings) - SHOWN} more: --json lists all of them.")
    return lines


def _lines_of(number: int, one: Finding) -> list[str]:
    return [
        f"{number}. {one.text} [{one.name}]",
        f"   evidence: {one.evidence}",
        f"   change: {one.fix}",
    ]


def _nothing(result: ObservationResult) -> str:
    if not any(one.ended for one in result.tasks):
        return f"{NOTHING_FOUND} No task ended: observe the workers while they have work."
    return NOTHING_FOUND
