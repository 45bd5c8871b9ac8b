"""An observation as a person reads it at a terminal."""

from __future__ import annotations

from typing import Final

from rich.console import Console

from lab.format import words
from lab.format.tables import Column, figures, print_table
from lab.results.observation import ObservationResult, TaskFigures, WorkerFigures
from producer.observation.finding import Finding

#: Findings that are shown; the result has all of them.
SHOWN: Final = 3
Row = tuple[str, ...]
TASK_COLUMNS: Final = (
    Column(heading="task"),
    *figures("ended", "rate", "run p50 / p95", "queued", "held", "failed"),
    *figures("retried", "redelivered"),
)
WORKER_COLUMNS: Final = (
    Column(heading="worker"),
    *figures("pool", "source", "slots busy", "CPU share of run time", "cores"),
    *figures("memory", "grew by", "most held", "held while others were idle"),
)
NOTHING_FOUND: Final = "Nothing was found that slows the workers down or loses tasks."


def show(result: ObservationResult, console: Console) -> None:
    """Print the tasks, the workers, what the sources cannot tell, then the findings."""
    if result.tasks:
        print_table(console, TASK_COLUMNS, [_task_row(one) for one in result.tasks])
        console.print()
    print_table(console, WORKER_COLUMNS, [_worker_row(one) for one in result.workers])
    for note in result.notes:
        console.print(f"note: {note}", highlight=False, markup=False, soft_wrap=True)
    console.print()
    for line in finding_lines(result):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _task_row(one: TaskFigures) -> Row:
    return (
        one.task,
        words.count(one.ended),
        words.rate(one.rate_per_s),
        _pair(one.run_p50_s, one.run_p95_s),
        _pair(one.queued_p50_s, one.queued_p95_s),
        _pair(one.held_p50_s, one.held_p95_s),
        words.known(one.failures, words.count),
        words.known(one.retries, words.count),
        words.known(one.redeliveries, words.count),
    )


def _pair(middle: float | None, high: float | None) -> str:
    if middle is None or high is None:
        return words.NOTHING
    return f"{words.duration(middle)} / {words.duration(high)}"


def _worker_row(one: WorkerFigures) -> Row:
    return (
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
        lines.append(f"The result file has {len(result.findings) - SHOWN} more.")
    return lines


def _lines_of(number: int, one: Finding) -> list[str]:
    return [
        f"{number}. {one.text} [{one.name}]",
        f"   evidence: {one.evidence}",
        f"   change: {one.fix}",
    ]


def _nothing(result: ObservationResult) -> str:
    if not any(one.ended for one in result.tasks):
        return (
            f"{NOTHING_FOUND} But no task ended, so that proves little: observe the workers while "
            "they have work, or for longer (--for)."
        )
    return NOTHING_FOUND
