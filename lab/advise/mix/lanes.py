"""Running groups of workers, each of which runs some tasks of a mix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lab.project.supply import AHEAD_S, filling
from lab.project.workers import Group

#: Seconds of work that workers may still hold after a measurement.
SHORT_S: Final = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A group of workers, and the tasks that are sent to it."""

    group: Group
    tasks: frozenset[str]
    weight: int  # how many of its tasks one whole mix has
    rate_per_s: float  # the highest throughput to expect

    def wanted(self, ahead_s: float) -> int:
        """Return how many tasks should wait or run there for the next `ahead_s` seconds.

        If its tasks are short, the number stays the same until the end. If it fell, the other lane
        would get fewer tasks as well, because both are fed in proportion, and end too few of them.
        """
        held_s = self.group.held / self.rate_per_s if self.rate_per_s > 0 else math.inf
        if held_s <= SHORT_S:
            ahead_s = max(ahead_s, held_s + AHEAD_S)
        return filling(self.group, self.rate_per_s, ahead_s)


class Lanes:
    """One or more lanes, measured as one."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self.lanes = tuple(lanes)
        self.groups = tuple(lane.group for lane in lanes)
        self.node = self.groups[0].node
        self.queue_of = {task: lane.group.queue for lane in lanes for task in lane.tasks}

    @property
    def slots(self) -> int:
        """How many tasks run at the same time."""
        return sum(group.slots for group in self.groups)

    @property
    def held(self) -> int:
        """How many messages they fetch, with those that they run."""
        return sum(group.held for group in self.groups)

    @property
    def queues(self) -> tuple[str, ...]:
        """The queue of each lane."""
        return tuple(group.queue for group in self.groups)

    @property
    def pids(self) -> tuple[int, ...]:
        """The main process of each worker, lane by lane."""
        return tuple(pid for group in self.groups for pid in group.pids)

    @property
    def alive(self) -> bool:
        """Whether all workers run."""
        return all(group.alive for group in self.groups)

    def how_it_ended(self) -> str:
        """Say how the first worker ended that did."""
        dead = [group for group in self.groups if not group.alive]
        return dead[0].how_it_ended() if dead else "still running"

    def by_lane(self, peaks: Sequence[int]) -> tuple[int, ...]:
        """Add up figures of the workers, which are in the order of `pids`."""
        left, sums = list(peaks), []
        for group in self.groups:
            sums.append(sum(left[: len(group.pids)]))
            del left[: len(group.pids)]
        return tuple(sums)
