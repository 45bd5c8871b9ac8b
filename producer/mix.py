"""Which task comes next in a mixed load: a pure function of weights, that never draws lots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Final

from producer.plan import Work
from tasks.errors import UsageError

#: Tasks that a mix can hold, each small enough to be no burden, by their names.
SMALL_WORK: Final[Mapping[str, Work]] = {
    work.task: work
    for work in (
        Work(task="cpu.burn", args=(200_000,)),  # about 10 ms of a core, holding the GIL
        Work(task="cpu.digest", args=(20_000,)),  # about 10 ms of a core, without the GIL
        Work(task="io.sleep", args=(0.2,)),
        Work(task="mixed.work", args=(5, 100)),  # 5 ms of a core, then 100 ms of waiting
        Work(task="faults.fail", args=("on purpose: LOAD_MIX asks for it",)),
        Work(task="faults.retry", args=(1,)),
    )
}
#: The largest weight; the turns of a mix repeat after the sum of its weights.
MOST_WEIGHT: Final = 1_000


def parse_mix(text: str) -> dict[str, int]:
    """Read `cpu.burn=1,io.sleep=3` as weights by task; a task without a number weighs 1.

    Raises UsageError, with one line, for what is no mix.
    """
    weights: dict[str, int] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, number = (word.strip() for word in part.partition("="))
        if name not in SMALL_WORK:
            raise UsageError(f"LOAD_MIX: {UsageError.unknown('task', name, SMALL_WORK)}")
        if equals and not (number.isdecimal() and int(number) <= MOST_WEIGHT):
            raise UsageError(
                f"LOAD_MIX: the weight of {name} is a whole number of 0 to {MOST_WEIGHT}, "
                f"not {number!r}"
            )
        weights[name] = int(number) if equals else 1
    if not any(weights.values()):
        raise UsageError("LOAD_MIX names no task; such as LOAD_MIX=cpu.burn=1,io.sleep=3")
    return weights


def turns(weights: Mapping[str, int]) -> tuple[str, ...]:
    """Return one round of turns: each name as often as it weighs, spread as evenly as can be.

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
    """Return (task, queue) turns in which every queue gets a whole round of `names`."""
    return tuple(
        (names[turn], queues[(turn + shift) % len(queues)])
        for shift, turn in product(range(len(queues)), range(len(names)))
    )
