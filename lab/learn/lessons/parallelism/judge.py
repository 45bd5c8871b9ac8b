"""What the lesson `parallelism` says of what it timed: tables, claims, verdict; pure.

It must not know how anything was run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from lab.format import words
from lab.learn.lessons.parallelism.play import (
    BURN,
    COMPUTING,
    DIGEST,
    KINDS,
    SLEEP,
    TASKS,
    Timed,
    in_words,
    parallel,
)
from lab.results.lesson import Claim, Column, Table
from worker.pools import POOLS

IT: Final = {
    BURN: "computes in Python",
    DIGEST: "computes in C, no GIL",
    SLEEP: "waits",
}
#: How many that could compute at once, on average, are no accident, and up to which they take
#: turns. Who else uses the machine's cores does not touch these figures.
TOGETHER, IN_TURNS = 2.2, 1.8
#: Multiples of T from which they count as 4 T, and up to which as T. Nothing but parallel cores
#: can make four times T of CPU shorter, so that others on the machine do not touch the first.
FOUR_T, ONE_T = 0.85 * TASKS, 0.6 * TASKS
#: Share of the time in turns that is parallel for sure; on two cores it is a half.
SHORTER: Final = 0.85
#: Share of the cores that others may have taken where two times can still be compared.
DISTURBED: Final = 0.2


class Figures:
    """All that was timed, and the memory of each pool's worker."""

    def __init__(self, all_timed: Sequence[Timed], memory_bytes: Mapping[str, int]) -> None:
        self._by = {(one.kind, one.cores, one.pool): one for one in all_timed}
        self._memory_bytes = memory_bytes
        self.pools = tuple(dict.fromkeys(one.pool for one in all_timed))
        self.cores = sorted({one.cores for one in all_timed})

    def tables(self) -> tuple[Table, ...]:
        """Return the lecture's table, how many computed at once, and what the slots cost."""
        pools = tuple(Column(heading=pool) for pool in self.pools)
        task = (Column(heading="four tasks"), Column(heading="on"))
        how = Column(heading="that")
        return (
            Table(
                title="Who takes T, and who 4 T",
                columns=(*task, *pools, how),
                rows=tuple(
                    (kind, in_words(n), *self._in_t(kind, n), IT[kind])
                    for kind in KINDS
                    for n in self.cores
                ),
            ),
            Table(
                title="How many could compute at the same instant, on average while any could",
                columns=(*task, *pools),
                rows=tuple(
                    (kind, in_words(n), *(f"{one.ready:.1f}" for one in self._row(kind, n)))
                    for kind in COMPUTING
                    for n in self.cores
                ),
            ),
            Table(
                title=f"What {TASKS} slots cost",
                columns=(Column(heading="pool"), Column(heading="processes", unit="count"),
                         Column(heading="memory", unit="bytes")),
                rows=tuple(
                    (pool, POOLS[pool].processes(TASKS), size)
                    for pool, size in self._memory_bytes.items()
                ),
            ),
        )  # fmt: skip

    def claims(self) -> Iterator[Claim]:
        """Yield what the lesson says."""
        if self.cores[0] == 1:
            yield self._one_core()
        if self.cores[-1] > 1:
            for kind in COMPUTING:
                for pool in self.pools:
                    one = self._by[kind, self.cores[-1], pool]
                    yield _together(one) if parallel(kind, POOLS[pool]) else _in_turns(one)
            yield from self._shorter()
        yield self._waiting()
        yield from self._dearer()

    def verdict(self) -> str:
        """Say it in two sentences."""
        most = self.cores[-1]
        computed, digested = (
            ", ".join(f"{one.pool} {one.in_t:.1f} T" for one in self._row(kind, most))
            for kind in (BURN, DIGEST)
        )
        waited = max(one.in_t for n in self.cores for one in self._row(SLEEP, n))
        return (
            f"Four tasks that wait took no pool more than {waited:.1f} T, whatever the cores; of "
            f"four that compute in Python ({computed} on {in_words(most)}) only processes can run "
            "two at the same instant. What computes in C without the GIL is the exception: "
            f"threads, too, run it on every core ({digested}), and only greenlets, "
            "which switch where they wait, still take turns."
        )

    def remarks(self) -> Iterator[str]:
        """Say which times are longer than these tasks alone would have taken."""
        worst = max(self._by.values(), key=lambda one: one.others_took)
        if worst.others_took > DISTURBED:
            share = words.percent(worst.others_took)
            yield (
                "Others computed on this machine meanwhile and made some times longer: they "
                f"took up to {share} of the cores that these tasks could have used ("
                f"{worst.kind} on {worst.pool}, {in_words(worst.cores)})."
            )

    def _in_t(self, kind: str, cores: int) -> Iterator[str]:
        for one in self._row(kind, cores):
            yield f"{one.in_t:.1f} T"

    def _row(self, kind: str, cores: int) -> list[Timed]:
        return [self._by[kind, cores, pool] for pool in self.pools]

    def _one_core(self) -> Claim:
        each = [one for kind in COMPUTING for one in self._row(kind, 1)]
        least = min(each, key=lambda one: one.in_t)
        return Claim(
            says="one core: four that compute take 4 T in every pool",
            holds=least.in_t >= FOUR_T,
            seen=f"the least is {least.in_t:.1f} T, {least.kind} on {least.pool}",
        )

    def _shorter(self) -> Iterator[Claim]:
        """Compare the makespans where one pool can be parallel at what another cannot."""
        most = self.cores[-1]
        slow = [one for one in self._row(BURN, most) if not parallel(BURN, POOLS[one.pool])]
        pairs = [(one, slow[0]) for one in self._row(BURN, most) if slow and one not in slow]
        pairs += [
            (self._by[DIGEST, most, one.pool], one)
            for one in slow
            if parallel(DIGEST, POOLS[one.pool])
        ]
        for quick, long in pairs:
            if max(quick.others_took, long.others_took) > DISTURBED:
                continue
            yield Claim(
                says=f"{in_words(most)}: {quick.kind} on {quick.pool} takes fewer T than "
                f"{long.kind} on {long.pool}",
                holds=quick.in_t < SHORTER * long.in_t,
                seen=f"{quick.in_t:.1f} T and {long.in_t:.1f} T",
            )

    def _waiting(self) -> Claim:
        each = [one for n in self.cores for one in self._row(SLEEP, n)]
        worst = max(each, key=lambda one: one.in_t)
        where = " and ".join(in_words(n) for n in self.cores)
        return Claim(
            says=f"{where}: four that wait take T in every pool",
            holds=worst.in_t <= ONE_T,
            seen=f"the most is {worst.in_t:.1f} T, on {worst.pool}",
        )

    def _dearer(self) -> Iterator[Claim]:
        """Compare what waiting costs: processes have no advantage, only a price."""
        size = self._memory_bytes
        many = [pool for pool in size if POOLS[pool].processes(TASKS) > 1]
        for pool in many:
            for other in (name for name in size if name not in many):
                yield Claim(
                    says=f"to wait in, {pool} takes more memory than {other}",
                    holds=size[pool] > size[other],
                    seen=f"{words.size(size[pool])} and {words.size(size[other])}",
                )


def _together(one: Timed) -> Claim:
    return Claim(
        says=f"{in_words(one.cores)}: {one.kind} on {one.pool} can use several at the same instant",
        holds=one.ready >= TOGETHER,
        seen=f"{one.ready:.1f} tasks, {one.in_t:.1f} T",
    )


def _in_turns(one: Timed) -> Claim:
    return Claim(
        says=f"{in_words(one.cores)}: {one.kind} on {one.pool} uses one at a time, and takes 4 T",
        holds=one.ready <= IN_TURNS and one.in_t >= FOUR_T,
        seen=f"{one.ready:.1f} tasks, {one.in_t:.1f} T",
    )
