"""Picks the candidate to deploy from the measurements: pure."""

from __future__ import annotations

from collections.abc import Sequence

from lab.advise.answer.confidence import CHEAPER, compared, confidence, sentence
from lab.advise.answer.measured import Deployable, Measured, T, often_enough, ranked
from lab.project.candidates import Candidate
from lab.results.advice import Answer, CandidateResult
from producer.statistics import compare

#: A candidate that is faster by less than this does not replace a simpler one, even beyond noise.
SIMPLER = 1.04
#: One that is slower by more than this is not preferred for its fewer slots, even within noise.
SLOWER = 1.05


def answer(
    results: Sequence[CandidateResult], app: str, *, seed: int, worker_pool: object = None
) -> Answer | None:
    """Return what to deploy, or None if no candidate can be recommended.

    Of candidates with no real difference, or only a small one, the one with less memory, fewer
    workers or fewer slots is chosen. `worker_pool` is the setting of the app.
    """
    found = ranked(results)
    near = often_enough(found)
    if not near:
        return None
    chosen = cheapest([one for one in near if not is_behind(one, near[0], seed)])
    slower = [one for one in found if one.score < chosen.score]
    rival = _rival(chosen, near) or _rival(chosen, slower)
    difference = None if rival is None else compared(chosen, rival, seed)
    candidate = chosen.candidate
    return Answer(
        pool=candidate.pool.name,
        concurrency=candidate.concurrency,
        workers=candidate.workers,
        command=command(candidate, app, worker_pool),
        sentence=sentence(chosen, rival, difference, _ruled_out(results)),
        confidence=confidence(chosen, rival, difference),
        runner_up="" if rival is None else rival.candidate.label,
        ratio=None if rival is None else chosen.score / rival.score,
        lose=(),
    )


def _ruled_out(results: Sequence[CandidateResult]) -> tuple[str, ...]:
    """Return the other pools, if no candidate of any of them can be recommended."""
    usable = {one.pool for one in results if not one.rejected}
    others = dict.fromkeys(one.pool for one in results if one.pool not in usable)
    return tuple(others) if len(usable) == 1 else ()


def _rival(
    chosen: Measured[Candidate], others: Sequence[Measured[Candidate]]
) -> Measured[Candidate] | None:
    """Return the best that differs in more than its concurrency."""
    family = (chosen.pool, chosen.candidate.workers)
    different = (one for one in others if (one.pool, one.candidate.workers) != family)
    return next(different, None)


def command(candidate: Candidate, app: str, worker_pool: object) -> str:
    """Return the command line of one worker of an app with this setting `worker_pool`."""
    words_of = ["celery", "-A", app, "worker", "--pool", candidate.pool.name_despite(worker_pool)]
    words_of += ["--concurrency", str(candidate.concurrency), *candidate.pool.flags]
    return " ".join(words_of)


def is_behind(one: Measured[Deployable], best: Measured[Deployable], seed: int) -> bool:
    """Return whether one is slower than the best, beyond noise and by more than a little."""
    if one is best or one.score * SIMPLER >= best.score:
        return False
    return compare(best.scores, one.scores, seed=seed).real


def cheapest(tied: Sequence[Measured[T]]) -> Measured[T]:
    """Return the one with much less memory, or else the simplest."""
    least = min(one.pss_bytes for one in tied)
    frugal = [one for one in tied if one.pss_bytes <= CHEAPER * least]
    most = max(one.score for one in frugal)
    near = [one for one in frugal if SLOWER * one.score >= most]
    return min(near, key=lambda one: one.effort)
