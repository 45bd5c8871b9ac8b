"""Turns what an inquiry has found into a result: warnings, the answer, what it would take away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lab.advise.answer.answer import answer
from lab.advise.answer.deployed import against_deployed
from lab.advise.inquiry import Inquiry, Setting
from lab.advise.mix.answer import deployed_of, mix_answer
from lab.advise.risks.losses import losses
from lab.advise.trial.failures import Tally, without_failing
from lab.project.candidates import Candidate
from lab.results.advice import (
    AdviceResult,
    Answer,
    CandidateResult,
    Deployed,
    MixResult,
    WorkerGroup,
)
from worker.pools import POOLS


def judged(blank: AdviceResult, setting: Setting, inquiry: Inquiry) -> AdviceResult:
    """Return the result with everything that is known."""
    results = without_failing(inquiry.results(), Tally.alone(inquiry.profile))
    _warn(blank, setting, inquiry, results)
    found, mix = _answer(setting, inquiry, results), inquiry.mixed()
    return replace(
        blank,
        candidates=results,
        warnings=setting.caveats.all(),
        answer=found,
        deployed=_compared(setting, results, found, mix),
        mix=mix,
    )


def _answer(
    setting: Setting, inquiry: Inquiry, results: Sequence[CandidateResult]
) -> Answer | None:
    options, mix = setting.options, inquiry.mixed()
    worker_pool = setting.project.worker_pool
    found = answer(results, options.app, seed=options.seed, worker_pool=worker_pool)
    if mix is not None:
        found = mix_answer(found, results, mix, seed=options.seed)
    return None if found is None else replace(found, lose=_losses(found, setting))


def _warn(
    blank: AdviceResult, setting: Setting, inquiry: Inquiry, results: Sequence[CandidateResult]
) -> None:
    caveats, profile = setting.caveats, inquiry.profile
    caveats.of_stalls(setting.session.cluster.folder)
    if not blank.interrupted:
        caveats.of_budget(inquiry.pools, results, profile, setting.options.budget_s)
    task = setting.project.description.task
    limits = {name: task(name).options.get("rate_limit") for name in setting.options.tasks}
    caveats.of_rate_limits(limits)
    caveats.of_gil(results, profile)
    caveats.of_growth(results)
    caveats.of_sends(profile)
    caveats.of_refused(setting.project.refused())
    caveats.of_probe(results)
    caveats.of_others(results)


def _losses(found: Answer, setting: Setting) -> tuple[str, ...]:
    described = setting.project.description
    if not found.groups:
        chosen = _candidate(found)
        return losses(chosen, described, setting.options.tasks)
    lost = (
        f"{group.queue}: {text}"
        for group in found.groups
        for text in losses(_candidate(group), described, group.tasks)
    )
    own = (
        f"{task} names the queue {queue!r} itself, which overrides task_routes: change it "
        f"to {group.queue!r}"
        for group in found.groups
        for task in group.tasks
        if (queue := described.task(task).options.get("queue")) not in {None, group.queue}
    )
    return (*lost, *own)


def _candidate(found: Answer | WorkerGroup) -> Candidate:
    return Candidate(pool=POOLS[found.pool], concurrency=found.concurrency, workers=found.workers)


def _compared(
    setting: Setting,
    results: Sequence[CandidateResult],
    found: Answer | None,
    mix: MixResult | None,
) -> Deployed | None:
    """Compare what the user runs today with the answer, if there are both."""
    options = setting.options
    if options.deployed is None or found is None:
        return None
    best = deployed_of(found, results, mix)
    margin, seed = options.margin, options.seed
    return against_deployed(results, best, options.deployed, margin=margin, seed=seed)
