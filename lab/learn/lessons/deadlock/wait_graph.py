"""Wait-for graphs that were seen one after the other, and the cycles in them; pure.

It must not know what watched the locks, nor what they are for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from lab.results.lesson import Wait


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitGraph:
    """Which task held and wanted which lock, from one instant until the next graph."""

    at_s: float
    holders: Mapping[str, str]  # the holder of each lock that was taken
    wants: Mapping[str, str]  # the lock that each waiting task wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlock:
    """A cycle, and the time during which it was seen."""

    waits: tuple[Wait, ...]
    from_s: float
    to_s: float


def cycle(graph: WaitGraph) -> tuple[Wait, ...]:
    """Return a cycle of the graph in order, starting with its first name; () if there is none.

    Each task waits for one lock that has one holder, so at most one edge leaves each task.
    """
    for start in sorted(graph.wants):
        path: list[Wait] = []
        here = start
        while (lock := graph.wants.get(here)) is not None and lock in graph.holders:
            path.append(Wait(who=here, what=lock, holder=graph.holders[lock]))
            here = graph.holders[lock]
            if here == start:
                return tuple(path)
            if len(path) > len(graph.wants):
                break  # `start` leads into a cycle but is not part of it
    return ()


def find_deadlocks(graphs: Sequence[WaitGraph], end_s: float, least_s: float) -> list[Deadlock]:
    """Return the cycles that were seen for at least `least_s` without a break, in order of time.

    A shorter one may never have existed, because locks are read one by one. The last graph holds
    until `end_s`.
    """
    found: list[Deadlock] = []
    instants = [*(graph.at_s for graph in graphs), end_s]
    for graph, (from_s, to_s) in zip(graphs, pairwise(instants), strict=True):
        waits = cycle(graph)
        if found and found[-1].waits == waits and found[-1].to_s == from_s:
            found[-1] = Deadlock(waits=waits, from_s=found[-1].from_s, to_s=to_s)
        elif waits:
            found.append(Deadlock(waits=waits, from_s=from_s, to_s=to_s))
    return [one for one in found if one.to_s - one.from_s >= least_s]
