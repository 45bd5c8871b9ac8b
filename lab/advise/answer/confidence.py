"""Says why a candidate is recommended, and how sure that is: pure."""

from __future__ import annotations

from collections.abc import Sequence

from lab.advise.answer.measured import Deployable, Measured
from lab.format import words
from producer.statistics import Comparison, compare

#: Trials of each candidate from which on the confidence is high.
MANY = 3
#: Up to this noise, no difference is sure to be small; beyond that one, it may be anything.
QUIET, LOUD = 1.2, 1.5
#: A candidate that uses this many times less memory is preferred to an equal one.
CHEAPER = 1.5


def compared(chosen: Measured[Deployable], rival: Measured[Deployable], seed: int) -> Comparison:
    """Compare two candidates, the faster one with the slower one."""
    first, second = sorted((chosen, rival), key=lambda one: -one.score)
    return compare(first.scores, second.scores, seed=seed)


def sentence(
    chosen: Measured[Deployable],
    rival: Measured[Deployable] | None,
    found: Comparison | None,
    ruled_out: Sequence[str] = (),
) -> str:
    """Say what it reaches, and how that compares with its rival, or why there is none."""
    rate = f"{words.rate(chosen.rate_per_s)} with {chosen.candidate.label}"
    if rival is None or found is None:
        if ruled_out:
            verb = "was" if len(ruled_out) == 1 else "were"
            pools = words.listed(ruled_out)
            return f"{rate}; no other pool to compare it with: {pools} {verb} ruled out"
        return (
            f"{rate}; no other pool, and no other number of workers, was measured often enough to "
            "compare"
        )
    name, basis = rival.candidate.label, chosen.basis
    if found.real and chosen.score > rival.score:
        return f"{rate}, {found.ratio:.2f} times the throughput of {name}{basis}"
    other, why = words.rate(rival.rate_per_s), advantage(chosen, rival)
    if found.real:
        return f"{rate}. {name} is only {found.ratio:.2f} times as fast ({other}){basis}{why}"
    return (
        f"{rate}; no real difference from {name}{basis} ({other}; a ratio of up to "
        f"{found.noise:.2f} is within noise){why}"
    )


def advantage(chosen: Measured[Deployable], rival: Measured[Deployable]) -> str:
    """Say why one of two equal candidates is preferred; empty if nothing speaks for it."""
    if rival.pss_bytes >= CHEAPER * chosen.pss_bytes:
        least, more = words.size(chosen.pss_bytes), words.size(rival.pss_bytes)
        label = chosen.candidate.label
        return f", and {label} uses {least} of memory instead of {more}"
    (workers, slots, default), (others, more_slots, later) = chosen.effort, rival.effort
    if workers < others:
        return ", and fewer workers are simpler to run"
    if workers == others and slots < more_slots:
        return f", and {chosen.candidate.label} needs fewer slots"
    if (workers, slots) == (others, more_slots) and default == 0 < later:
        return f", and {chosen.pool} is Celery's default"
    return ""


def confidence(
    chosen: Measured[Deployable], rival: Measured[Deployable] | None, found: Comparison | None
) -> str:
    """Return "high", "medium" or "low"."""
    if rival is None or found is None:
        return "low"
    fewest, many = min(len(chosen.rates), len(rival.rates)), len(chosen.rates) >= MANY
    # A rival that is far behind needs no further trials.
    if found.ratio > 2 and found.real and many:
        return "high"
    if fewest >= MANY and (found.real or found.noise <= QUIET):
        return "high"
    return "medium" if (many or fewest > 1) and (found.real or found.noise <= LOUD) else "low"
