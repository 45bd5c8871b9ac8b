"""A winner is named only where it is more than noise, with a reason only where one is known."""

from __future__ import annotations

from lab.analysis.verdict import REASONS, judge
from lab.measure.workloads import NAMES
from tests.unit.lab.sample import of, pool, repeat
from worker.pools import POOLS


def test_a_clear_winner_is_named_with_ratio_and_reason() -> None:
    verdict = judge("burn", [pool("threads", (4, 4.1, 4)), pool("prefork", (2, 2.1, 2))], seed=1)
    assert verdict.winner == "prefork"
    assert verdict.runner_up == "threads"
    assert "prefork wins, 2.00 times as fast as threads" in verdict.sentence
    assert "GIL" in verdict.sentence


def test_a_winner_nobody_expected_gets_no_invented_reason() -> None:
    verdict = judge("burn", [pool("threads", (2, 2.1, 2)), pool("prefork", (4, 4.1, 4))], seed=1)
    assert verdict.winner == "threads"
    assert "not known" in verdict.sentence
    assert "GIL" not in verdict.sentence


def test_noise_names_no_winner_but_tells_who_is_cheaper_and_who_is_behind() -> None:
    verdict = judge(
        "fetch",
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
    assert "threads does it in 60 MB of memory, prefork in 900 MB" in verdict.sentence


def test_one_pool_alone_wins_nothing() -> None:
    verdict = judge("burn", [pool("prefork")], seed=1)
    assert verdict.winner is None
    assert "No comparison" in verdict.sentence


def test_a_pool_whose_generator_was_in_the_way_is_not_ranked() -> None:
    starved = of("gevent", tuple(repeat(1.0, submit_s=0.9) for _ in range(3)))
    verdict = judge("burn", [starved, pool("prefork", (2, 2, 2)), pool("solo", (4, 4, 4))], seed=1)
    assert verdict.winner == "prefork"


def test_every_reason_is_of_a_workload_and_a_pool_that_exist() -> None:
    for workload, winner in REASONS:
        assert workload in NAMES
        assert winner is None or winner in POOLS
