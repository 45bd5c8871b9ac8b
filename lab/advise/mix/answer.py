"""Decides between one group of workers for a mix and two: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lab.advise.answer.answer import is_behind
from lab.advise.answer.confidence import compared, confidence
from lab.advise.answer.measured import (
    Deployable,
    Measured,
    by_score,
    measured,
    of_result,
    often_enough,
    ranked,
)
from lab.format import words
from lab.format.advice import groups_label
from lab.results.advice import Answer, CandidateResult, MixResult, SplitResult

#: What the pool of an answer with several groups is called.
SPLIT = "split"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A measured split, as `Deployable` wants it."""

    result: SplitResult

    @property
    def label(self) -> str:
        """Name it as a person does."""
        return groups_label(self.result.groups)

    @property
    def workers(self) -> int:
        """How many workers it has."""
        return sum(group.workers for group in self.result.groups)

    @property
    def slots(self) -> int:
        """How many tasks run at the same time."""
        return sum(group.workers * group.concurrency for group in self.result.groups)


def mix_answer(
    single: Answer | None, results: Sequence[CandidateResult], mix: MixResult, *, seed: int
) -> Answer | None:
    """Return the better of the best single group and the best split.

    The split must be faster beyond noise, and by more than a little: one group is simpler.
    """
    split = _best(mix.splits)
    if single is None:
        alone = "; a single group for all tasks cannot be used"
        return None if split is None else _split(split, None, alone, "low")
    if split is None:
        why = mix.why_no_split or "no split could be measured, or none can be used"
        return replace(
            single, sentence=f"{single.sentence}; all tasks stay in one group, because {why}"
        )
    best = often_enough(ranked(results))[0]
    difference = compared(split, best, seed)
    sure = confidence(split, best, difference)
    if is_behind(best, split, seed):
        return _split(split, best, f", {difference.ratio:.2f} times the throughput of", sure)
    return replace(
        single,
        sentence=f"{single.sentence}; {_against(best, split, real=difference.real)}",
        confidence=min(single.confidence, sure, key=("low", "medium", "high").index),
    )


def deployed_of(
    found: Answer, results: Sequence[CandidateResult], mix: MixResult | None
) -> Measured[Deployable]:
    """Return what was measured of an answer."""
    if mix is not None and found.groups:
        return next(_of_split(one) for one in mix.splits if one.groups == found.groups)
    key = (found.pool, found.concurrency, found.workers)
    return next(
        of_result(one)
        for one in results
        if (one.pool, one.concurrency, one.workers) == key and not one.flags
    )


def _best(splits: Sequence[SplitResult]) -> Measured[Deployment] | None:
    usable = by_score(_of_split(one) for one in splits if one.trials and not one.rejected)
    return next(iter(often_enough(usable)), None)


def _of_split(split: SplitResult) -> Measured[Deployment]:
    return measured(Deployment(result=split), split.trials)


def _against(best: Measured[Deployable], split: Measured[Deployment], *, real: bool) -> str:
    """Say why the tasks should stay together."""
    rate = f"split into {split.candidate.label}, the tasks reach {words.rate(split.rate_per_s)}"
    if not real:
        return f"{rate}: no real difference, and one group is simpler to run"
    if split.score > best.score:
        return f"{rate}: not much more, and one group is simpler to run"
    return f"{rate}: less"


def _split(
    split: Measured[Deployment], rival: Measured[Deployable] | None, text: str, sure: str
) -> Answer:
    groups, candidate = split.candidate.result.groups, split.candidate
    other = "" if rival is None else f" one group, {rival.candidate.label}{split.basis}"
    return Answer(
        pool=SPLIT,
        concurrency=candidate.slots,
        workers=candidate.workers,
        command="\n".join(group.command for group in groups),
        sentence=f"{words.rate(split.rate_per_s)} with {candidate.label}{text}{other}",
        confidence=sure,
        runner_up="" if rival is None else rival.candidate.label,
        ratio=None if rival is None else split.score / rival.score,
        lose=(),
        groups=groups,
    )
