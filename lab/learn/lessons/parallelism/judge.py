"""What the lesson `parallelism` concludes from its timings; pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lab.format import words
from lab.learn.lessons.parallelism.tables import tables
from lab.learn.lessons.parallelism.timing import (
    BURN,
    COMPUTING,
    DIGEST,
    SLEEP,
    TASKS,
    Timing,
    Timings,
    core_count,
    parallel,
)
from lab.results.lesson import Claim, Findings
from worker.pools import POOLS

#: Mean number of tasks that could compute at once from which they ran together, and up to which
#: they took turns. Other programs on the machine do not affect these figures.
TOGETHER, IN_TURNS = 2.2, 1.8
#: Multiples of T from which a time counts as 4 T, and up to which as T. Only parallel cores can
#: make four times T of CPU shorter, so other programs on the machine do not affect the first.
FOUR_T, ONE_T = 0.85 * TASKS, 0.6 * TASKS
#: A parallel run takes less than this share of the time in turns; on two cores it takes half.
SHORTER: Final = 0.85
#: Two times are compared only if other programs took at most this share of the cores.
DISTURBED: Final = 0.2
NO_PINNING: Final = "One core is not shown: this system cannot pin a process to a core (Linux can)."


def judge(timings: Timings) -> Findings:
    """Conclude from all timings."""
    return Findings(
        tables=tables(timings),
        claims=tuple(_claims(timings)),
        verdict=_verdict(timings),
        remarks=tuple(_remarks(timings)),
    )


def _claims(timings: Timings) -> Iterator[Claim]:
    most = timings.cores[-1]
    if timings.cores[0] == 1:
        yield _one_core(timings)
    if most > 1:
        for kind in COMPUTING:
            for one in timings.of(kind, most):
                yield _together(one) if parallel(kind, POOLS[one.pool]) else _in_turns(one)
        yield from _shorter(timings)
    yield _waiting(timings)
    yield from _memory(timings)


def _one_core(timings: Timings) -> Claim:
    each = [one for kind in COMPUTING for one in timings.of(kind, 1)]
    shortest = min(each, key=lambda one: one.in_t)
    return Claim(
        says="one core: four tasks that compute take 4 T in every pool",
        holds=shortest.in_t >= FOUR_T,
        seen=f"the shortest is {shortest.in_t:.1f} T, {shortest.kind} on {shortest.pool}",
    )


def _together(one: Timing) -> Claim:
    cores = core_count(one.cores)
    return Claim(
        says=f"{cores}: {one.kind} on {one.pool}: several tasks run, or wait only for a core",
        holds=one.runnable >= TOGETHER,
        seen=f"{one.runnable:.1f} tasks, {one.in_t:.1f} T",
    )


def _in_turns(one: Timing) -> Claim:
    cores = core_count(one.cores)
    return Claim(
        says=f"{cores}: {one.kind} on {one.pool} runs one task at a time and takes 4 T",
        holds=one.runnable <= IN_TURNS and one.in_t >= FOUR_T,
        seen=f"{one.runnable:.1f} tasks, {one.in_t:.1f} T",
    )


def _shorter(timings: Timings) -> Iterator[Claim]:
    """Compare makespans if one pool can do in parallel what another cannot."""
    most = timings.cores[-1]
    digests = {one.pool: one for one in timings.of(DIGEST, most)}
    burns = timings.of(BURN, most)
    slow = [one for one in burns if not parallel(BURN, POOLS[one.pool])]
    pairs = [(one, slow[0]) for one in burns if slow and one not in slow]
    pairs += [(digests[one.pool], one) for one in slow if parallel(DIGEST, POOLS[one.pool])]
    for quick, long in pairs:
        if max(quick.taken_by_others, long.taken_by_others) > DISTURBED:
            continue
        yield Claim(
            says=f"{core_count(most)}: {quick.kind} on {quick.pool} takes fewer T than "
            f"{long.kind} on {long.pool}",
            holds=quick.in_t < SHORTER * long.in_t,
            seen=f"{quick.in_t:.1f} T and {long.in_t:.1f} T",
        )


def _waiting(timings: Timings) -> Claim:
    each = [one for cores in timings.cores for one in timings.of(SLEEP, cores)]
    longest = max(each, key=lambda one: one.in_t)
    where = " and ".join(core_count(cores) for cores in timings.cores)
    return Claim(
        says=f"{where}: four tasks that wait take T in every pool",
        holds=longest.in_t <= ONE_T,
        seen=f"the longest is {longest.in_t:.1f} T, on {longest.pool}",
    )


def _memory(timings: Timings) -> Iterator[Claim]:
    """Compare the memory of workers: for waiting, processes have no advantage, only this price."""
    size = timings.memory_bytes
    several = [pool for pool in size if POOLS[pool].processes(TASKS) > 1]
    for pool in several:
        for other in (name for name in size if name not in several):
            yield Claim(
                says=f"for tasks that wait, {pool} takes more memory than {other}",
                holds=size[pool] > size[other],
                seen=f"{words.size(size[pool])} and {words.size(size[other])}",
            )


def _verdict(timings: Timings) -> str:
    most = timings.cores[-1]
    burned, digested = (
        ", ".join(f"{one.pool} {one.in_t:.1f} T" for one in timings.of(kind, most))
        for kind in (BURN, DIGEST)
    )
    waited = max(one.in_t for cores in timings.cores for one in timings.of(SLEEP, cores))
    waiting = f"Four tasks that wait took at most {waited:.1f} T in any pool"
    if most == 1:
        return (
            f"{waiting}. Four tasks that compute share the only core, whatever the pool: {burned}, "
            f"and {digested} in C code that releases the GIL."
        )
    anywhere = f", on one core and on {core_count(most)}" if len(timings.cores) > 1 else ""
    return (
        f"{waiting}{anywhere}. "
        f"When four tasks compute in Python ({burned} on {core_count(most)}), only processes can "
        "run two of them at the same instant. C code that releases the GIL is the exception: "
        "threads run it on every core too, but greenlets, which switch only when they wait, take "
        f"turns. Measured in C code: {digested}."
    )


def _remarks(timings: Timings) -> Iterator[str]:
    worst = max(timings.all, key=lambda one: one.taken_by_others)
    if worst.taken_by_others > DISTURBED:
        share = words.percent(worst.taken_by_others)
        yield (
            "Other programs were using this machine's cores, so some times are too long: they "
            f"took up to {share} of the core time that these tasks could have used ({worst.kind} "
            f"on {worst.pool}, {core_count(worst.cores)})."
        )
    if not timings.pinned:
        yield NO_PINNING
