"""A winner is named only if it leads by more than noise, a reason only if one is known."""

from __future__ import annotations

import pytest

from lab.analysis.verdict import judge
from lab.measure.workloads import WORKLOADS
from lab.results.race import PoolResult
from tests.unit.lab.sample import of, pool, repeat

BURN = WORKLOADS["burn"]
FETCH = WORKLOADS["fetch"]


def test_a_clear_winner_is_named_with_ratio_and_reason() -> None:
    verdict = judge(BURN, [pool("threads", (4, 4.1, 4)), pool("prefork", (2, 2.1, 2))], seed=1)
    assert verdict.winner == "prefork"
    assert verdict.runner_up == "threads"
    assert "prefork wins, 2.00 times as fast as threads" in verdict.sentence
    assert "GIL" in verdict.sentence


def test_a_large_ratio_has_no_decimals() -> None:
    verdict = judge(BURN, [pool("threads", (55.06,) * 3), pool("prefork", (2,) * 3)], seed=1)
    assert "prefork wins, 28 times as fast as threads" in verdict.sentence


def test_an_unexpected_winner_gets_no_invented_reason() -> None:
    verdict = judge(BURN, [pool("threads", (2, 2.1, 2)), pool("prefork", (4, 4.1, 4))], seed=1)
    assert verdict.winner == "threads"
    assert "the cause is unknown" in verdict.sentence
    assert "GIL" not in verdict.sentence


def test_without_a_winner_the_verdict_names_the_slower_and_the_cheaper_pools() -> None:
    verdict = judge(
        WORKLOADS["fetch"],
        [
            pool("prefork", (2, 2.1, 2.05), pss_bytes=900_000_000),
            pool("threads", (2.02, 2.06, 2.1), pss_bytes=60_000_000),
            pool("gevent", (4, 4.1, 4.2), pss_bytes=50_000_000),
        ],
        seed=1,
    )
    assert verdict.winner is None
    assert "No difference measured between prefork and threads" in verdict.sentence
    assert "gevent took 2.00 times as long as prefork." in verdict.sentence
    assert "threads used 60 MB of memory, prefork 900 MB." in verdict.sentence


def test_a_single_pool_is_not_compared() -> None:
    verdict = judge(BURN, [pool("prefork", (2, 2, 2))], seed=1)
    assert verdict.winner is None
    assert verdict.sentence == "No comparison: only prefork was raced."


def test_a_pool_whose_rivals_cannot_be_ranked_is_not_compared() -> None:
    verdict = judge(BURN, [pool("prefork", (2, 2, 2)), of("gevent", ())], seed=1)
    assert verdict.sentence == "No comparison: only prefork could be ranked."


def test_a_pool_limited_by_the_load_generator_is_not_ranked() -> None:
    starved = of("gevent", tuple(repeat(1.0, submit_s=0.9) for _ in range(3)))
    verdict = judge(BURN, [starved, pool("prefork", (2, 2, 2)), pool("solo", (4, 4, 4))], seed=1)
    assert verdict.winner == "prefork"


def beside(name: str, makespans_s: tuple[float, ...], **others: float) -> PoolResult:
    """Build a pool whose repeats ran next to the load of others."""
    return of(name, tuple(repeat(m, **others) for m in makespans_s))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("others", "slower_s", "named"),
    [
        ({}, 2.96, True),
        ({"others_cpu": 0.02}, 2.96, True),  # as on an idle machine
        ({"others_cpu": 0.38}, 2.96, False),
        ({"stolen_cpu": 0.38}, 2.96, False),
        ({"others_slots": 0.38, "others": 83}, 2.96, False),
        ({"others_cpu": 0.13, "stolen_cpu": 0.12, "others_slots": 0.13}, 2.96, False),
        ({"others_cpu": 0.38}, 20.0, True),  # far beyond what 38 % could explain
        ({"others_cpu": 0.6}, 20.0, False),
    ],
)
def test_a_winner_is_named_only_if_other_load_cannot_explain_the_difference(
    others: dict[str, float], slower_s: float, named: bool
) -> None:
    slower = beside("gevent", (slower_s, slower_s, slower_s), **others)
    verdict = judge(BURN, [slower, beside("prefork", (2, 2, 2), **others)], seed=1)
    assert (verdict.winner == "prefork") is named
    assert verdict.reliable is named
    assert ("GIL" in verdict.sentence) is named
    assert verdict.sentence.startswith("prefork wins" if named else "No reliable answer: ")


def test_an_unreliable_verdict_says_who_used_how_much_and_what_to_do() -> None:
    pools = [beside("gevent", (2.96,) * 3, others_cpu=0.38), pool("threads")]
    assert judge(BURN, pools, seed=1).sentence == (
        "No reliable answer: while gevent ran, other processes used up to 38 % of the machine's "
        "CPU, which may be why gevent took 1.48 times as long as threads. Run again on an idle "
        "machine."
    )
    pools = [beside(one, (2.96,) * 3, others_cpu=0.38) for one in ("gevent", "prefork")]
    said = judge(BURN, [*pools, pool("threads")], seed=1).sentence
    assert "why gevent took 1.48 times and prefork took 1.48 times as long as threads" in said
    pools = [beside("gevent", (2.96,) * 3, others=83, others_slots=0.25), pool("threads")]
    said = judge(BURN, pools, seed=1).sentence
    assert "other clients' tasks took up to 25 % of a pool's slots" in said
    assert "while no other client uses the workers; --pause-load pauses" in said


def test_a_fast_pool_that_was_disturbed_still_wins() -> None:
    fast = beside("prefork", (2, 2, 2), others_cpu=0.4)
    verdict = judge(BURN, [fast, pool("threads", (4, 4, 4))], seed=1)
    assert verdict.winner == "prefork"
    assert "up to 40 % of the machine's CPU: too little to explain the lead" in verdict.sentence


def test_a_busy_machine_may_hide_a_difference() -> None:
    pools = [beside("threads", (2, 2.1, 2), others_cpu=0.3), pool("gevent", (2, 2.1, 2.05))]
    verdict = judge(FETCH, pools, seed=1)
    assert not verdict.reliable
    assert "a difference between threads and gevent may have gone unnoticed" in verdict.sentence
    assert "waiting needs no core" not in verdict.sentence


def test_one_disturbed_repeat_counts_less_the_more_repeats_there_are() -> None:
    repeats = (repeat(4.0), repeat(4.0), repeat(9.0, others_cpu=0.5))
    verdict = judge(BURN, [of("threads", repeats), pool("prefork", (2, 2, 2))], seed=1)
    assert verdict.winner is None  # a bootstrap of three values may draw the disturbed one
    many = (*(repeat(4.0) for _ in range(8)), repeat(9.0, others_cpu=0.5))
    verdict = judge(BURN, [of("threads", many), pool("prefork", (2,) * 9)], seed=1)
    assert verdict.winner == "prefork"


def test_a_single_repeat_gives_a_reason_only_as_a_guess() -> None:
    verdict = judge(BURN, [pool("threads", (4,)), pool("prefork", (2,))], seed=1)
    assert verdict.winner == "prefork"
    assert "in a single repeat. A likely reason: Python bytecode holds the GIL" in verdict.sentence
    draw = judge(FETCH, [pool("threads", (2,)), pool("gevent", (2,))], seed=1)
    assert "in a single repeat. A likely reason: waiting needs no core" in draw.sentence


def test_a_third_pool_within_noise_keeps_the_fastest_from_winning() -> None:
    fast, second = pool("prefork", (1.0, 1.01, 1.02)), pool("gevent", (1.1, 1.11, 1.12))
    uneven = of("threads", (repeat(1.02), repeat(1.3), repeat(1.9)))
    verdict = judge(BURN, [fast, second, uneven], seed=1)
    assert (verdict.winner, verdict.runner_up, verdict.reliable) == (None, "threads", True)
    assert "No difference measured between prefork and threads" in verdict.sentence
    assert "gevent took 1.10 times as long as prefork." in verdict.sentence
    disturbed = of("threads", (repeat(1.02), repeat(1.3), repeat(1.9, others_cpu=0.3)))
    verdict = judge(BURN, [fast, second, disturbed], seed=1)
    assert (verdict.winner, verdict.reliable) == (None, False)


def test_a_draw_does_not_contradict_itself_by_rounding() -> None:
    verdict = judge(BURN, [pool("prefork", (2.0,) * 3), pool("threads", (2.056,) * 3)], seed=1)
    assert "(ratio 1.03; up to 1.03 is within noise)" in verdict.sentence
