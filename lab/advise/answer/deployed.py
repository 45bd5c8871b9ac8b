"""Compares what the user runs today with the answer: pure."""

from __future__ import annotations

from collections.abc import Sequence

from lab.advise.answer.measured import Deployable, Measured, of_result
from lab.format import words
from lab.project.candidates import Candidate
from lab.results.advice import CandidateResult, Deployed
from producer.statistics import compare


def against_deployed(
    results: Sequence[CandidateResult],
    best: Measured[Deployable],
    today: Candidate,
    *,
    margin: float,
    seed: int,
) -> Deployed:
    """Compare what the user runs today with the best; `margin` is a share, such as 0.1."""
    by_key = {(one.pool, one.concurrency, one.workers, one.flags): one for one in results}
    measured = by_key.get((today.pool.name, today.concurrency, today.workers, today.flags))
    if measured is None or not measured.trials or measured.rejected:
        why = (measured and measured.rejected) or "it was not measured"
        return _deployed(today, None, falls_short=True, text=why)
    present = of_result(measured)
    ratio = best.score / present.score
    real = best != present and compare(best.scores, present.scores, seed=seed).real
    if real and ratio > 1 + margin:
        text = f"the recommendation has {ratio:.2f} times its throughput{best.basis}"
    elif best == present:
        text = "that is the recommendation"
    elif real and ratio < 1:
        text = f"{1 / ratio:.2f} times the throughput of the recommendation{best.basis}"
    else:
        text = f"within {100 * margin:g} % of the recommendation, or within noise"
    text = f"{words.rate(present.rate_per_s)}; {text}"
    return _deployed(today, ratio, falls_short=real and ratio > 1 + margin, text=text)


def _deployed(today: Candidate, ratio: float | None, *, falls_short: bool, text: str) -> Deployed:
    return Deployed(
        pool=today.pool.name,
        concurrency=today.concurrency,
        ratio=ratio,
        falls_short=falls_short,
        sentence=f"Your current {today.label}: {text}",
        flags=today.flags,
    )
