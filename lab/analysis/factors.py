"""By what factor makespans differ between races, pool by pool and over all pools. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from lab.analysis.comparison import ComparedPool, ComparedRace, compared_pools, workload_names
from lab.analysis.disturbance import advice, causes, is_disturbed
from lab.analysis.remarks import generator_was_the_bottleneck
from lab.format import words
from lab.results.race import WorkloadResult
from producer.statistics import Ratio, mean_ratio

#: For the bootstrap, so that the same files always give the same page.
SEED: Final = 1

Change = Literal["slower", "faster", "within noise"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """How many times as long as its baseline a pool took, or the mean of that over many pools."""

    ratio: Ratio
    single: bool  # one repeat each, which shows nothing about noise

    @property
    def change(self) -> Change:
        """Whether it differs from 1 by more than noise."""
        if not self.ratio.differs(single=self.single):
            return "within noise"
        return "slower" if self.ratio.value > 1 else "faster"

    @property
    def text(self) -> str:
        """Write the factor with its interval."""
        if self.single:
            return f"{self.ratio.value:.2f} (one repeat, so no interval)"
        return f"{self.ratio.value:.2f} ({self.ratio.low:.2f} to {self.ratio.high:.2f})"


def factor_of(one: ComparedPool) -> Factor | None:
    """Return a pool's factor; None if it has no baseline, or one of both has no whole repeat."""
    return _factor([one]) if _comparable(one) else None


def factor_text(one: ComparedPool) -> str:
    """Write a pool's factor as `B/A = 1.30 (1.27 to 1.33)`."""
    if one.baseline is None:
        return "baseline"
    if not _same_work(one.work, one.baseline.work):
        return "other work"
    factor = factor_of(one)
    if factor is None:
        return "not comparable"
    return f"{one.race.letter}/{one.baseline.race.letter} = {factor.text}"


def overall(races: Sequence[ComparedRace]) -> list[str]:
    """Return the verdict on each race but the first, against the first."""
    every = [one for name in workload_names(races) for one in compared_pools(races, name)]
    return [_verdict(races[0], race, every) for race in races[1:]]


def _verdict(first: ComparedRace, race: ComparedRace, every: Sequence[ComparedPool]) -> str:
    a, b = first.letter, race.letter
    pairs = [
        one for one in every
        if one.race is race and one.baseline and one.baseline.race is first and _comparable(one)
    ]  # fmt: skip
    if not pairs:
        return f"{b} cannot be compared with {a}: no pool did the same work in both."
    mean = _factor(pairs)
    said = [_lead(a, b, mean), _of_which(pairs)]
    if doubt := _doubt(first, race, pairs):
        said = [f"No reliable answer, because {doubt}.", *said, _advice(pairs)]
    return " ".join(said)


def _advice(pairs: Sequence[ComparedPool]) -> str:
    of_first = [one.baseline.pool for one in pairs if one.baseline]
    return advice([*of_first, *(one.pool for one in pairs)])


def _lead(a: str, b: str, mean: Factor) -> str:
    shown = f"{b}/{a} = {mean.text}"
    if mean.change == "within noise":
        return f"No overall difference measured between {a} and {b}: {shown}."
    ratio = mean.ratio.value if mean.change == "slower" else 1 / mean.ratio.value
    slow, fast = (b, a) if mean.change == "slower" else (a, b)
    return f"{slow} took {words.times(ratio)} as long as {fast} overall: {shown}."


def _of_which(pairs: Sequence[ComparedPool]) -> str:
    changes = [factor.change for one in pairs if (factor := factor_of(one))]
    counts = [(changes.count(change), change) for change in ("slower", "faster", "within noise")]
    parts = ", ".join(f"{count} {change}" for count, change in counts if count)
    of = "1 pool" if len(changes) == 1 else f"{len(changes)} pools"
    return f"Of {of}: {parts}."


def _doubt(first: ComparedRace, race: ComparedRace, pairs: Sequence[ComparedPool]) -> str:
    """Say how much others used during the races; empty if too little to matter."""
    of_first = [one.baseline.pool for one in pairs if one.baseline]
    sides = ((first.letter, of_first), (race.letter, [one.pool for one in pairs]))
    return ", and ".join(
        f"during race {letter}, {causes(pools)}"
        for letter, pools in sides
        if any(map(is_disturbed, pools))
    )


def _factor(pairs: Sequence[ComparedPool]) -> Factor:
    samples = [(one.makespans_s, one.baseline.makespans_s) for one in pairs if one.baseline]
    return Factor(
        ratio=mean_ratio(samples, seed=SEED),
        single=any(min(len(these), len(those)) < 2 for these, those in samples),
    )


def _comparable(one: ComparedPool) -> bool:
    return (
        one.baseline is not None
        and _same_work(one.work, one.baseline.work)
        and bool(one.makespans_s)
        and bool(one.baseline.makespans_s)
        and not any(map(generator_was_the_bottleneck, (one.pool, one.baseline.pool)))
    )


def _same_work(one: WorkloadResult, other: WorkloadResult) -> bool:
    return (one.task_label, one.digest) == (other.task_label, other.digest)
