"""Two groups of workers that share the machine, and which pairs are worth a try: pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

from lab.project.candidates import MEMORY_SHARE, Candidate, Room, needed_bytes
from lab.results.advice import Profile
from worker.pools import Pool

#: The queues of the groups: that of the tasks that compute, and that of the tasks that wait.
QUEUES: Final = ("cpu", "io")
#: The best candidates of each group that are paired.
BEST: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A group for the tasks that compute, and one for those that wait."""

    groups: tuple[Candidate, Candidate]

    @property
    def label(self) -> str:
        """Name it as a person does: "cpu: prefork ×2 + io: threads ×64"."""
        named = zip(QUEUES, self.groups, strict=True)
        return " + ".join(f"{queue}: {group.label}" for queue, group in named)

    @property
    def workers(self) -> int:
        """How many workers it has."""
        return sum(group.workers for group in self.groups)

    @property
    def slots(self) -> int:
        """How many tasks run at the same time."""
        return sum(group.slots for group in self.groups)

    def fits(self, profiles: Sequence[Profile], room: Room) -> bool:
        """Return whether both fit into the memory together."""
        return self.needed_bytes(profiles) <= MEMORY_SHARE * room.memory_bytes

    def needed_bytes(self, profiles: Sequence[Profile]) -> int:
        """Estimate the memory of both together."""
        pairs = zip(self.groups, profiles, strict=True)
        return sum(needed_bytes(group, profile) for group, profile in pairs)


def pairs(
    computing: Sequence[Candidate],
    waiting: Sequence[Candidate],
    profiles: Sequence[Profile],
    room: Room,
) -> list[Split]:
    """Pair the best candidates of each part, the best first; shrink those that do not fit."""
    found = (
        _fitting(Split(groups=both), profiles, room)
        for both in product(computing[:BEST], waiting[:BEST])
    )
    return list(dict.fromkeys(one for one in found if one is not None))


def variants(split: Split, profiles: Sequence[Profile], room: Room) -> Iterator[Split]:
    """Yield splits with twice and half as many slots in one of the groups, as far as they fit.

    A group that has the machine for itself needs other slots than one that shares it.
    """
    computing, waiting = split.groups
    changed = (
        (computing, _with(waiting, 2 * waiting.concurrency)),
        (_with(computing, computing.concurrency // 2), waiting),
        (_with(computing, 2 * computing.concurrency), waiting),
        (computing, _with(waiting, waiting.concurrency // 2)),
    )
    for groups in changed:
        other = Split(groups=groups)
        if other != split and other.fits(profiles, room):
            yield other


def _fitting(split: Split, profiles: Sequence[Profile], room: Room) -> Split | None:
    """Return the split with fewer slots in the larger group, until it fits."""
    while not split.fits(profiles, room):
        sizes = [needed_bytes(*pair) for pair in zip(split.groups, profiles, strict=True)]
        largest = sizes.index(max(sizes))
        groups = list(split.groups)
        if groups[largest].concurrency == 1:
            return None
        groups[largest] = _with(groups[largest], groups[largest].concurrency * 3 // 4)
        split = Split(groups=(groups[0], groups[1]))
    return split


def _with(candidate: Candidate, concurrency: int) -> Candidate:
    return replace(candidate, concurrency=max(1, concurrency))


def smallest_bytes(pools: Iterable[Pool], profile: Profile) -> int:
    """Return the memory of the smallest group."""
    candidates = (Candidate(pool=pool, concurrency=1) for pool in pools)
    return min((needed_bytes(one, profile) for one in candidates), default=0)
