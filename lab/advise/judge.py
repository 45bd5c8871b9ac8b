"""Turns what an inquiry has found into a result: warnings, the answer, what it would take away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lab.advise.answer import answer
from lab.advise.candidates import Candidate
from lab.advise.deployed import against_deployed
from lab.advise.failures import Tally, without_failing
from lab.advise.inquiry import Inquiry, Setting
from lab.advise.losses import losses
from lab.results.advice import AdviceResult, Answer, CandidateResult, Deployed
from worker.pools import POOLS


def judged(blank: AdviceResult, setting: Setting, inquiry: Inquiry) -> AdviceResult:
    """Return the result with everything that is known."""
    results = without_failing(inquiry.results(), Tally.alone(inquiry.profile))
    _warn(blank, setting, inquiry, results)
    options = setting.options
    found = answer(results, options.app, seed=options.seed)
    if found is not None:
        found = replace(found, lose=_losses(found, setting))
    return replace(
        blank,
        candidates=results,
        warnings=setting.caveats.all(),
        answer=found,
        deployed=_compared(setting, results, found),
    )


def _warn(
    blank: AdviceResult, setting: Setting, inquiry: Inquiry, results: Sequence[CandidateResult]
) -> None:
    caveats, profile = setting.caveats, inquiry.profile
    caveats.of_stalls(setting.session.cluster.folder)
    if not blank.interrupted:
        caveats.of_budget(inquiry.pools, results, profile)
    task = setting.project.description.task
    limits = {name: task(name).options.get("rate_limit") for name in setting.options.tasks}
    caveats.of_rate_limits(limits)
    caveats.of_gil(results, profile)
    caveats.of_growth(results)
    caveats.of_sends(profile)
    caveats.of_refused(setting.project.refused())
    caveats.of_probe(results)


def _losses(found: Answer, setting: Setting) -> tuple[str, ...]:
    chosen = Candidate(pool=POOLS[found.pool], concurrency=found.concurrency, workers=found.workers)
    return losses(chosen, setting.project.description, setting.options.tasks)


def _compared(
    setting: Setting, results: Sequence[CandidateResult], found: Answer | None
) -> Deployed | None:
    """Compare what the user runs today with the answer, if there are both."""
    options = setting.options
    if options.deployed is None or found is None:
        return None
    margin, seed = options.margin, options.seed
    return against_deployed(results, found, options.deployed, margin=margin, seed=seed)
