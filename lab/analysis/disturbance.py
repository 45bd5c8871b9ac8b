"""How much of the machine and of a worker others used, and what that could explain; pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from lab.format import words
from lab.results.race import PoolResult, Repeat

#: Up to this share, a repeat counts as undisturbed: an idle machine's services use 1 to 3 %.
QUIET: Final = 0.05
#: How many times the share of others counts. Their work is not spread evenly: with two cores, a
#: pool that uses one can lose twice the share that others used of both.
WEIGHT: Final = 2.0
#: The smallest part of a makespan that remains after the worst case, so that it can be compared.
LEAST: Final = 0.01
#: A cause with a smaller share is not worth naming.
NAMED: Final = 0.01


def others_share(repeat: Repeat) -> float:
    """Return which share of machine and slots others used in total; unknown counts as none."""
    cpu = (repeat.others_cpu_share or 0.0) + (repeat.stolen_cpu_share or 0.0)
    return cpu + repeat.others_slot_share


def is_disturbed(pool: PoolResult) -> bool:
    """Whether others used too much during one of the repeats."""
    return any(others_share(repeat) > QUIET for repeat in pool.repeats)


def undisturbed_s(repeat: Repeat) -> float:
    """Return the makespan as short as it could have been without others, in the worst case."""
    share = others_share(repeat)
    if share <= QUIET:
        return repeat.makespan_s
    return repeat.makespan_s * max(LEAST, 1 - WEIGHT * share)


def causes(pools: Sequence[PoolResult]) -> str:
    """Say who used how much, at most, during a repeat of `pools`; empty if nobody did."""
    repeats = [repeat for pool in pools for repeat in pool.repeats]
    cpu = max((repeat.others_cpu_share or 0.0 for repeat in repeats), default=0.0)
    stolen = max((repeat.stolen_cpu_share or 0.0 for repeat in repeats), default=0.0)
    slots = max((repeat.others_slot_share for repeat in repeats), default=0.0)
    found = (
        (cpu, f"other processes used up to {words.percent(cpu)} of the machine's CPU"),
        (stolen, f"the hypervisor withheld up to {words.percent(stolen)} of the machine's CPU"),
        (slots, f"other clients' tasks took up to {words.percent(slots)} of a pool's slots"),
    )
    return " and ".join(text for share, text in found if share >= NAMED)


def advice(pools: Sequence[PoolResult]) -> str:
    """Say how to get a reliable answer, as a sentence."""
    if any(repeat.others_slot_share >= NAMED for pool in pools for repeat in pool.repeats):
        return (
            "Run again while no other client uses the workers; --pause-load pauses the light load "
            "of docker compose."
        )
    return "Run again on an idle machine."
