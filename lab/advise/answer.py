"""Picks the candidate to deploy from the measurements, and says how sure that is: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lab.advise.candidates import Candidate
from lab.format import words
from lab.results.advice import Answer, CandidateResult, Deployed
from producer.statistics import Comparison, compare
from worker.pools import POOLS

#: Trials of each candidate from which on the confidence is high.
MANY = 3
#: Up to this noise, no difference is sure to be small; beyond that one, it may be anything.
QUIET, LOUD = 1.2, 1.5
#: A candidate that uses this many times less memory is preferred to an equal one.
CHEAPER = 1.5
#: One that is slower by more than this is not preferred for its fewer slots, even within noise.
SLOWER = 1.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A candidate that can be recommended, with its throughput in each trial."""

    candidate: Candidate
    rates: tuple[float, ...]
    pss_bytes: int

    @property
    def rate_per_s(self) -> float:
        """The median throughput."""
        return float(np.median(self.rates))

    @classmethod
    def of(cls, result: CandidateResult) -> Measured:
        """Return the figures of a result that has a trial."""
        return cls(
            candidate=Candidate(
                pool=POOLS[result.pool], concurrency=result.concurrency, workers=result.workers
            ),
            rates=tuple(trial.rate_per_s for trial in result.trials),
            pss_bytes=max(trial.peak_pss_bytes for trial in result.trials),
        )


def usable(results: Sequence[CandidateResult]) -> list[Measured]:
    """Return the candidates that can be recommended, by throughput, the highest first.

    Candidates that were measured less often than half of the others' most are left out: a machine
    that was quieter for a moment must not decide.
    """
    found = _all(results)
    most = max((len(one.rates) for one in found), default=0)
    return [one for one in found if 2 * len(one.rates) >= most]


def _all(results: Sequence[CandidateResult]) -> list[Measured]:
    found = (Measured.of(one) for one in results if one.trials and not one.rejected)
    return sorted((one for one in found if one.rate_per_s > 0), key=lambda one: -one.rate_per_s)


def _slower(chosen: Measured, results: Sequence[CandidateResult]) -> list[Measured]:
    return [one for one in _all(results) if one.rate_per_s < chosen.rate_per_s]


def _rival(chosen: Measured, ranked: Sequence[Measured]) -> Measured | None:
    """Return the best that differs in more than its concurrency."""
    a = chosen.candidate
    others = [
        one
        for one in ranked
        if (one.candidate.pool.name, one.candidate.workers) != (a.pool.name, a.workers)
    ]
    return others[0] if others else None


def answer(results: Sequence[CandidateResult], app: str, *, seed: int) -> Answer | None:
    """Return what to deploy, or None if no candidate can be recommended.

    Of candidates with no real difference, the one with less memory or fewer slots is chosen.
    """
    ranked = usable(results)
    if not ranked:
        return None
    chosen = _cheapest([one for one in ranked if not _is_behind(one, ranked[0], seed)])
    rival = _rival(chosen, ranked) or _rival(chosen, _slower(chosen, results))
    found = None if rival is None else _compared(chosen, rival, seed)
    return Answer(
        pool=chosen.candidate.pool.name,
        concurrency=chosen.candidate.concurrency,
        workers=chosen.candidate.workers,
        command=command(chosen.candidate, app),
        sentence=_sentence(chosen, rival, found),
        confidence=_confidence(chosen, rival, found),
        runner_up="" if rival is None else rival.candidate.label,
        ratio=None if rival is None else chosen.rate_per_s / rival.rate_per_s,
        lose=(),
    )


def against_deployed(
    results: Sequence[CandidateResult],
    found: Answer,
    today: Candidate,
    *,
    margin: float,
    seed: int,
) -> Deployed:
    """Compare what the user runs today with the answer; `margin` is a share, such as 0.1."""
    by_key = {(one.pool, one.concurrency, one.workers): one for one in results}
    measured = by_key.get((today.pool.name, today.concurrency, today.workers))
    if measured is None or not measured.trials or measured.rejected:
        why = (measured and measured.rejected) or "it was not measured"
        return _deployed(today, None, falls_short=True, text=why)
    best = Measured.of(by_key[found.pool, found.concurrency, found.workers])
    present = Measured.of(measured)
    ratio = best.rate_per_s / present.rate_per_s
    real = best != present and compare(best.rates, present.rates, seed=seed).real
    if real and ratio > 1 + margin:
        text = f"the recommendation has {ratio:.2f} times its throughput"
    else:
        text = f"within {margin:.0%} of the recommendation, or within noise"
    text = f"{words.rate(present.rate_per_s)}; {text}"
    return _deployed(today, ratio, falls_short=real and ratio > 1 + margin, text=text)


def _deployed(today: Candidate, ratio: float | None, *, falls_short: bool, text: str) -> Deployed:
    return Deployed(
        pool=today.pool.name,
        concurrency=today.concurrency,
        ratio=ratio,
        falls_short=falls_short,
        sentence=f"Your current {today.label}: {text}",
    )


def command(candidate: Candidate, app: str) -> str:
    """Return the command line of one worker."""
    words_of = ["celery", "-A", app, "worker", "--pool", candidate.pool.name]
    words_of += ["--concurrency", str(candidate.concurrency), *candidate.pool.flags]
    return " ".join(words_of)


def _is_behind(one: Measured, best: Measured, seed: int) -> bool:
    return one is not best and compare(best.rates, one.rates, seed=seed).real


def _cheapest(tied: Sequence[Measured]) -> Measured:
    least = min(one.pss_bytes for one in tied)
    frugal = [one for one in tied if one.pss_bytes <= CHEAPER * least]
    most = max(one.rate_per_s for one in frugal)
    near = [one for one in frugal if SLOWER * one.rate_per_s >= most]
    return min(near, key=lambda one: (one.candidate.workers, one.candidate.slots))


def _compared(chosen: Measured, rival: Measured, seed: int) -> Comparison:
    first, second = sorted((chosen, rival), key=lambda one: -one.rate_per_s)
    return compare(first.rates, second.rates, seed=seed)


def _sentence(chosen: Measured, rival: Measured | None, found: Comparison | None) -> str:
    rate = f"{words.rate(chosen.rate_per_s)} with {chosen.candidate.label}"
    if rival is None or found is None:
        return f"{rate}; nothing else was measured often enough to compare"
    name = rival.candidate.label
    if found.real and chosen.rate_per_s > rival.rate_per_s:
        return f"{rate}, {found.ratio:.2f} times as many as with {name}"
    return (
        f"{rate}; no real difference from {name} ({words.rate(rival.rate_per_s)}; anything below "
        f"{found.noise:.2f} times is within noise){_advantage(chosen, rival)}"
    )


def _advantage(chosen: Measured, rival: Measured) -> str:
    """Say why one of two equal candidates is preferred; empty if nothing speaks for it."""
    if rival.pss_bytes >= CHEAPER * chosen.pss_bytes:
        least, more = words.size(chosen.pss_bytes), words.size(rival.pss_bytes)
        return f", and it uses {least} of memory instead of {more}"
    if chosen.candidate.workers < rival.candidate.workers:
        return ", and one worker is simpler to run"
    if chosen.candidate.slots < rival.candidate.slots:
        return ", and it needs fewer slots"
    return ""


def _confidence(chosen: Measured, rival: Measured | None, found: Comparison | None) -> str:
    if rival is None or found is None:
        return "low"
    fewest, many = min(len(chosen.rates), len(rival.rates)), len(chosen.rates) >= MANY
    # A rival that is far behind needs no further trials.
    if found.ratio > 2 and found.real and many:
        return "high"
    if fewest >= MANY and (found.real or found.noise <= QUIET):
        return "high"
    return "medium" if (many or fewest > 1) and (found.real or found.noise <= LOUD) else "low"
