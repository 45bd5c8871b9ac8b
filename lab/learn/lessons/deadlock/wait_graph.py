"""Wait-for graphs as they were seen one after the other, and the cycle in them; pure.

It must not know who looked, nor what the locks are for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from lab.results.lesson import Wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Who had what, and who waited for what, from one instant until the next sight."""

    at_s: float
    holders: Mapping[str, str]  # of each lock that somebody had
    wants: Mapping[str, str]  # the lock that each of those who waited waited for


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """A cycle, and from when to when it was seen."""

    waits: tuple[Wait, ...]
    from_s: float
    to_s: float


def cycle(sight: Sight) -> tuple[Wait, ...]:
    """Return a cycle of the wait-for graph in its order, from its first name on; () for none.

    Each waits for one lock that one has, so that from every name at most one way leads on.
    """
    for start in sorted(sight.wants):
        way: list[Wait] = []
        here = start
        while (lock := sight.wants.get(here)) is not None and lock in sight.holders:
            way.append(Wait(who=here, what=lock, holder=sight.holders[lock]))
            here = sight.holders[lock]
            if here == start:
                return tuple(way)
            if len(way) > len(sight.wants):
                break  # into a cycle that `start` is no part of
    return ()


def stalls(sights: Sequence[Sight], end_s: float, least_s: float) -> list[Stall]:
    """Return the cycles that were seen for `least_s` on end, in order of time.

    One that is gone at the next look may never have been: locks are looked at one by one. The last
    sight holds until `end_s`.
    """
    found: list[Stall] = []
    instants = [*(sight.at_s for sight in sights), end_s]
    for sight, (from_s, to_s) in zip(sights, pairwise(instants), strict=True):
        waits = cycle(sight)
        if found and found[-1].waits == waits and found[-1].to_s == from_s:
            found[-1] = Stall(waits=waits, from_s=found[-1].from_s, to_s=to_s)
        elif waits:
            found.append(Stall(waits=waits, from_s=from_s, to_s=to_s))
    return [stall for stall in found if stall.to_s - stall.from_s >= least_s]
