"""The advice as a person reads it at a terminal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.table import Table

from lab.advise.candidates import Candidate
from lab.advise.deploy import Deployments
from lab.format import words
from lab.results.advice import AdviceResult, CandidateResult, Profile
from worker.pools import POOLS


def show(result: AdviceResult, console: Console) -> None:
    """Print the table of candidates, the warnings, then the answer."""
    console.print(profile_line(result.profile), highlight=False, markup=False, soft_wrap=True)
    if result.candidates:
        console.print()
        console.print(_table(result))
    for caveat in result.warnings:
        console.print(f"warning: {caveat.text} [{caveat.name}]", highlight=False, markup=False)
    console.print()
    for line in answer_lines(result):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def profile_line(profile: Profile) -> str:
    """Describe what the task is like alone."""
    share = profile.cpu_share
    kind = "it computes" if share > 0.8 else "it waits" if share < 0.1 else "it computes and waits"
    failed = f"; {profile.failed} of {profile.runs} runs failed" if profile.failed else ""
    return (
        f"alone: {words.duration(profile.run_s)} per run (from {words.duration(profile.fastest_s)} "
        f"to {words.duration(profile.slowest_s)}), {words.duration(profile.cpu_s)} of CPU: {kind}; "
        f"{words.size(profile.slot_bytes)} of memory while it runs{failed}"
    )


def label(result: CandidateResult) -> str:
    """Name a candidate."""
    return Candidate(
        pool=POOLS[result.pool], concurrency=result.concurrency, workers=result.workers
    ).label


def ordered(candidates: Sequence[CandidateResult]) -> list[CandidateResult]:
    """Return the candidates by throughput, the highest first, then the rejected ones."""
    return sorted(candidates, key=lambda one: (bool(one.rejected), -median_rate(one)))


def median_rate(candidate: CandidateResult) -> float:
    """Return the median throughput, 0 without a trial."""
    rates = [trial.rate_per_s for trial in candidate.trials]
    return float(np.median(rates)) if rates else 0.0


def _table(result: AdviceResult) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("candidate", no_wrap=True)
    for heading in (
        "throughput",
        "trials",
        "run p50 / p95",
        "slots busy",
        "CPU per task",
        "memory",
    ):
        table.add_column(heading, justify="right")
    table.add_column("")
    for candidate in ordered(result.candidates):
        table.add_row(label(candidate), *_cells(candidate), _mark(result, candidate))
    return table


def _cells(candidate: CandidateResult) -> list[str]:
    if not candidate.trials:
        return [words.NOTHING] * 6
    last = candidate.trials[-1]
    return [
        words.rate(median_rate(candidate)),
        str(len(candidate.trials)),
        f"{words.duration(last.p50_s)} / {words.duration(last.p95_s)}",
        words.percent(last.busy),
        words.duration(last.cpu_s_per_task),
        words.size(max(trial.peak_pss_bytes for trial in candidate.trials)),
    ]


def _mark(result: AdviceResult, candidate: CandidateResult) -> str:
    answer = result.answer
    if answer is not None and (answer.pool, answer.concurrency, answer.workers) == (
        candidate.pool,
        candidate.concurrency,
        candidate.workers,
    ):
        return "← recommended"
    return candidate.rejected


def answer_lines(result: AdviceResult) -> list[str]:
    """Return the answer, what it would take away, and how to deploy it."""
    answer = result.answer
    if answer is None:
        return ["No pool can be recommended: see the table and the warnings."]
    several = f"Run {answer.workers} of them side by side." if answer.workers > 1 else ""
    return [
        f"{answer.sentence}. Confidence: {answer.confidence}.",
        *(["Stopped early: this is what was known by then."] if result.interrupted else []),
        *(f"note: {line}" for line in answer.lose),
        "",
        f"    {answer.command}",
        *([f"    {several}"] if several else []),
    ]


def deployment_lines(deployments: Deployments) -> list[str]:
    """Return the texts to paste, each with a heading."""
    parts = (
        ("Docker Compose", deployments.compose),
        ("systemd", deployments.systemd),
        ("Kubernetes", deployments.kubernetes),
    )
    return [line for title, text in parts for line in (f"# {title}", *text.splitlines(), "")]
