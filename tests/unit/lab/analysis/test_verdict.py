"""A winner is named only if it leads by more than noise, a reason only if one is known."""

from __future__ import annotations

from lab.analysis.verdict import judge
from lab.measure.workloads import WORKLOADS
from tests.unit.lab.sample import of, pool, repeat

BURN = WORKLOADS["burn"]


def test_a_clear_winner_is_named_with_ratio_and_reason() -> None:
    verdict = judge(BURN, [pool("threads", (4, 4.1, 4)), pool("prefork", (2, 2.1, 2))], seed=1)
    assert verdict.winner == "prefork"
    assert verdict.runner_up == "threads"
    assert "prefork wins, 2.00 times as fast as threads" in verdict.sentence
    assert "GIL" in verdict.sentence


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
    assert "gevent took 2.00 times as long" in verdict.sentence
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
