"""Decides which task comes next in a mixed load: a function of the weights, without randomness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Final

from producer.plan import Work
from tasks.errors import UsageError

#: The tasks that a mix may contain, by name; each is small enough for a light load.
SMALL_WORK: Final[Mapping[str, Work]] = {
    work.task: work
    for work in (
        Work(task="cpu.burn", args=(200_000,)),  # about 10 ms of CPU, holding the GIL
        Work(task="cpu.digest", args=(20_000,)),  # about 10 ms of CPU, without the GIL
        Work(task="io.sleep", args=(0.2,)),
        Work(task="mixed.work", args=(5, 100)),  # 5 ms of CPU, then 100 ms of waiting
        Work(task="faults.fail", args=("on purpose: LOAD_MIX asks for it",)),
        Work(task="faults.retry", args=(1,)),
    )
}
#: How many characters of an invalid value are shown.
MOST_SHOWN: Final = 60
#: The largest weight of a task.
MOST_WEIGHT: Final = 1_000


def parse_mix(text: str) -> dict[str, int]:
    """Read `cpu.burn=1,io.sleep=3` as weights by task; a task without a number has weight 1.

    Raises UsageError if `text` is not a valid mix.
    """
    weights: dict[str, int] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, number = (word.strip() for word in part.partition("="))
        if name not in SMALL_WORK:
            raise UsageError(
                f"LOAD_MIX: {UsageError.unknown('task', name[:MOST_SHOWN], SMALL_WORK)}"
            )
        if equals and not (number.isdecimal() and len(number) < 9 and int(number) <= MOST_WEIGHT):
            raise UsageError(
                f"LOAD_MIX: the weight of {name} must be a whole number from 0 to {MOST_WEIGHT}, "
                f"not {number[:MOST_SHOWN]!r}"
            )
        weights[name] = int(number) if equals else 1
    if not any(weights.values()):
        raise UsageError("LOAD_MIX names no task; try LOAD_MIX=cpu.burn=1,io.sleep=3")
    return weights


def turns(weights: Mapping[str, int]) -> tuple[str, ...]:
    """Return one round: each name as often as its weight, spread as evenly as possible.

    Source: the smooth weighted round robin of load balancers.
    """
    total = sum(weights.values())
    credit = dict.fromkeys(weights, 0)
    order = []
    for _ in range(total):
        for name, weight in weights.items():
            credit[name] += weight
        chosen = max(credit, key=lambda name: credit[name])
        credit[chosen] -= total
        order.append(chosen)
    return tuple(order)


def spread_over(queues: Sequence[str], names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return (task, queue) pairs in which every queue gets a whole round of `names`."""
    return tuple(
        (names[turn], queues[(turn + shift) % len(queues)])
        for shift, turn in product(range(len(queues)), range(len(names)))
    )
