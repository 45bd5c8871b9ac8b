"""A mix of tasks: its calls with their weights, in an order that keeps the proportions: pure."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from producer.plan import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """Calls, and how often each of them occurs in one whole mix."""

    calls: tuple[Work, ...]
    weights: tuple[int, ...]  # one for each call

    @property
    def tasks(self) -> tuple[str, ...]:
        """The names of the tasks, each once, in the order of the calls."""
        return tuple(dict.fromkeys(call.task for call in self.calls))

    @property
    def size(self) -> int:
        """How many tasks one whole mix has."""
        return sum(self.weights)

    def weight(self, task: str) -> int:
        """Return how often a task occurs in one whole mix."""
        pairs = zip(self.calls, self.weights, strict=True)
        return sum(weight for call, weight in pairs if call.task == task)

    def part(self, tasks: Collection[str]) -> Mix:
        """Return the calls of some of the tasks."""
        kept = [
            (call, weight)
            for call, weight in zip(self.calls, self.weights, strict=True)
            if call.task in tasks
        ]
        return Mix(
            calls=tuple(call for call, _ in kept), weights=tuple(weight for _, weight in kept)
        )

    def order(self, seed: int) -> Iterator[Work]:
        """Yield calls without end, so that any stretch has about the proportions of the mix.

        Each task is spread evenly over each whole mix, from a random place on. A random order would
        leave a rare task out of some measurements, and put it twice into others.
        """
        chance = random.Random(seed)  # noqa: S311 - no secret
        turns = {task: self._turn(task) for task in self.tasks}
        while True:
            calls = {task: iter(_shuffled(turn, chance)) for task, turn in turns.items()}
            for task in _spread({task: len(turn) for task, turn in turns.items()}, chance):
                yield next(calls[task])

    def _turn(self, task: str) -> list[Work]:
        """Return the calls of a task in one whole mix."""
        pairs = zip(self.calls, self.weights, strict=True)
        return [call for call, weight in pairs if call.task == task for _ in range(weight)]


def _shuffled(turn: Sequence[Work], chance: random.Random) -> list[Work]:
    return chance.sample(turn, len(turn))


def _spread(weights: dict[str, int], chance: random.Random) -> list[str]:
    """Return the tasks of one whole mix, each at equal distances from a random place on."""
    places = [
        ((number + first) / weight, task)
        for task, weight in weights.items()
        for first in (chance.random(),)
        for number in range(weight)
    ]
    return [task for _, task in sorted(places)]
