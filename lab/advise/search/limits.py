"""Rejects candidates that break a limit: memory, the objective, or tasks that fail more often."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lab.advise.trial.bench import Bench
from lab.advise.trial.failures import Tally, why_rejected
from lab.advise.trial.stand import G, K
from lab.project.candidates import Room
from lab.results.advice import Profile, Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a candidate must keep to."""

    profile: Profile
    room: Room
    slo_s: float | None = None

    def why_beyond(self, trial: Trial) -> str:
        """Say which limit a trial breaks; empty if none."""
        if trial.peak_pss_bytes > self.room.memory_bytes:
            return "needs more memory than the limit"
        if self.slo_s is not None and trial.objective_s > self.slo_s:
            return "misses the objective (--slo)"
        return ""

    def keeps(self, bench: Bench[K, G], candidate: K, others: Iterable[K]) -> bool:
        """Reject a candidate that breaks a limit; return whether it can be recommended.

        Tasks that fail early look fast, so they must not fail more often than in `others`.
        """
        trials = bench.trials(candidate)
        if bench.is_rejected(candidate) or not trials:
            return False
        elsewhere = [bench.trials(other) for other in others if other != candidate]
        alone = Tally.alone(self.profile)
        if why := self.why_beyond(trials[-1]) or why_rejected(trials, elsewhere, alone):
            bench.reject(candidate, why)
        return not bench.is_rejected(candidate)
