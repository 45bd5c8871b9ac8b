"""Texts of advice that the terminal and the page share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lab.format import words
from lab.results.advice import (
    AdviceResult,
    CandidateResult,
    MixResult,
    Profile,
    SplitResult,
    WorkerGroup,
)

HEADS = ("throughput", "trials", "run p50 / p95", "slots busy", "CPU per task", "memory")
#: What has trials.
Tried = CandidateResult | SplitResult


def candidate_label(pool: str, concurrency: int, workers: int, flags: Sequence[str] = ()) -> str:
    """Name a candidate as a person does: "prefork ×2", "2 workers of gevent ×100"."""
    one = " ".join([words.pool(pool, concurrency), *flags])
    return one if workers == 1 else f"{workers} workers of {one}"


def groups_label(groups: Sequence[WorkerGroup]) -> str:
    """Name groups as a person does: "cpu: prefork ×2 + io: threads ×64"."""
    return " + ".join(
        f"{one.queue}: {candidate_label(one.pool, one.concurrency, one.workers)}" for one in groups
    )


def label(result: Tried) -> str:
    """Name a measured candidate."""
    if isinstance(result, SplitResult):
        return groups_label(result.groups)
    return candidate_label(result.pool, result.concurrency, result.workers, result.flags)


def ordered(result: AdviceResult) -> list[Tried]:
    """Return all candidates by throughput, the highest first, then the rejected ones."""
    splits = result.mix.splits if result.mix is not None else ()
    return sorted((*result.candidates, *splits), key=lambda one: (bool(one.rejected), -_score(one)))


def median_rate(candidate: Tried) -> float:
    """Return the median throughput, 0 without a trial."""
    rates = [trial.rate_per_s for trial in candidate.trials]
    return float(np.median(rates)) if rates else 0.0


def profile_line(profile: Profile) -> str:
    """Describe what the task is like alone."""
    share = profile.cpu_share
    kind = "it computes" if share > 0.8 else "it waits" if share < 0.1 else "it computes and waits"
    failed = f"; {profile.failed} of {profile.runs} runs failed" if profile.failed else ""
    fastest, slowest = words.duration(profile.fastest_s), words.duration(profile.slowest_s)
    return (
        f"alone: {words.duration(profile.run_s)} per run (from {fastest} to {slowest}), "
        f"{words.duration(profile.cpu_s)} of CPU, so {kind}; "
        f"{words.size(profile.slot_bytes)} of memory while it runs{failed}"
    )


def _score(candidate: Tried) -> float:
    return float(np.median([trial.score for trial in candidate.trials] or [0.0]))


def task_lines(result: AdviceResult) -> list[str]:
    """Describe what each task is like alone."""
    if result.mix is None:
        return [f"The task {profile_line(result.profile)}"]
    return [f"{task.name} {profile_line(task.profile)}" for task in result.mix.tasks]


def is_recommended(result: AdviceResult, candidate: Tried) -> bool:
    """Return whether a candidate is the answer."""
    answer = result.answer
    if answer is None:
        return False
    if isinstance(candidate, SplitResult):
        return answer.groups == candidate.groups
    return not candidate.flags and (answer.pool, answer.concurrency, answer.workers) == (
        candidate.pool,
        candidate.concurrency,
        candidate.workers,
    )


def slots(candidate: Tried) -> int:
    """Return how many tasks run at the same time in all of its workers."""
    groups = candidate.groups if isinstance(candidate, SplitResult) else (candidate,)
    return sum(one.concurrency * one.workers for one in groups)


def errors(candidate: Tried) -> int:
    """Return how many errors the probes of its workers had."""
    return max((trial.probe_errors for trial in candidate.trials), default=0)


def note(result: AdviceResult, candidate: Tried) -> str:
    """Return what to know of a candidate beyond its figures; empty if nothing."""
    found = errors(candidate)
    parts = (
        "recommended" if is_recommended(result, candidate) else candidate.rejected,
        f"{words.counted(found, 'error')} in the probe" if found else "",
    )
    return "; ".join(filter(None, parts))


def cells(result: AdviceResult, candidate: Tried) -> dict[str, str]:
    """Return a candidate's figures by their heading; with prices, also its score."""
    priced = result.settings.core_cost is not None
    heads = [*HEADS, "throughput per cost"] if priced else HEADS
    if not candidate.trials:
        return dict.fromkeys(heads, words.NOTHING)
    trials = candidate.trials
    p50_s, p95_s, busy, cpu_s = (
        float(np.median([getattr(trial, name) for trial in trials]))
        for name in ("p50_s", "p95_s", "busy", "cpu_s_per_task")
    )
    texts = [
        words.rate(median_rate(candidate)),
        str(len(trials)),
        f"{words.duration(p50_s)} / {words.duration(p95_s)}",
        words.percent(busy),
        words.duration(cpu_s),
        words.size(max(trial.peak_pss_bytes for trial in trials)),
        *([words.rate(_score(candidate))] if priced else []),
    ]
    return dict(zip(heads, texts, strict=True))


def _no_answer(result: AdviceResult) -> str:
    evidence = ["the table"] if ordered(result) else []
    evidence += ["the warnings"] if result.warnings else []
    if evidence:
        return f"No pool can be recommended: see {' and '.join(evidence)}."
    early = "stopped before any pool was measured" if result.interrupted else "no pool was measured"
    return f"No pool can be recommended: {early}."


def answer_lines(result: AdviceResult) -> list[str]:
    """Return the answer in sentences: why, how sure, and what it would take away."""
    answer = result.answer
    if answer is None:
        return [_no_answer(result)]
    early = (
        ["Stopped early: the answer uses what was measured so far."] if result.interrupted else []
    )
    return [
        f"{answer.sentence}. Confidence: {answer.confidence}."
        + " A longer --budget may raise it."
        * (answer.confidence == "low" and answer.ratio is not None),
        *([f"{mix_line(result.mix)}."] if result.mix is not None else []),
        *early,
        *([f"{result.deployed.sentence}."] if result.deployed is not None else []),
        *(f"note: {line}" for line in answer.lose),
    ]


def command_lines(result: AdviceResult) -> list[str]:
    """Return what to paste: the commands, how often to run each, and the routes of tasks."""
    answer = result.answer
    if answer is None:
        return []
    if not answer.groups:
        return _workers("worker", answer.command, answer.workers, alone=True)
    commands = [
        line
        for group in answer.groups
        for line in _workers(service(group), group.command, group.workers)
    ]
    return [*commands, "", *route_lines(answer.groups)]


def service(group: WorkerGroup) -> str:
    """Return the name of a group's service; the names of its nodes begin with it."""
    return f"worker-{group.queue}"


def _workers(name: str, command: str, workers: int, *, alone: bool = False) -> list[str]:
    """Return the lines of equal workers, each with a node name of its own if there are others."""
    if workers > 1:
        first, last = f"{name}1@%h", f"{name}{workers}@%h"
        return [
            f"{command} --hostname {first}",
            f"# Run {workers} of these workers, with the names {first} to {last}.",
        ]
    return [command if alone else f"{command} --hostname {name}@%h"]


def route_lines(groups: Sequence[WorkerGroup]) -> list[str]:
    """Return the setting that sends each task to the queue of its group."""
    routes = [f'    "{task}": {{"queue": "{group.queue}"}},' for group in groups
              for task in group.tasks]  # fmt: skip
    return [
        "# In your app; tasks that are not listed keep their queue, which needs a worker too:",
        "app.conf.task_routes = {",
        *routes,
        "}",
    ]


def mix_line(mix: MixResult) -> str:
    """Say what a whole mix is, and how its throughput is counted."""
    tasks = ", ".join(f"{task.weight} × {task.name}" for task in mix.tasks)
    return (
        f"A whole mix is {mix.size} tasks: {tasks}. Only tasks of complete mixes count towards "
        "the throughput"
    )
