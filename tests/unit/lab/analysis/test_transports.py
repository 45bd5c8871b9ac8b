"""A transport's effect on a pool is named only if it is more than noise and other load."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.analysis.transports import fastest, summary, transport_effects, verdicts_by_transport
from lab.measure.workloads import WORKLOADS
from lab.results.race import PoolResult, TransportEffect
from tests.unit.lab.report import two_transports
from tests.unit.lab.sample import account, of, repeat

FETCH = WORKLOADS["fetch"]


def both(
    name: str, stock_s: tuple[float, ...], lease_s: tuple[float, ...], **others: float
) -> tuple[PoolResult, PoolResult]:
    """Build a pool with each transport; its repeats ran next to the load of others."""
    stock, lease = (
        replace(of(name, tuple(repeat(m, **others) for m in values)), transport=transport)  # type: ignore[arg-type]
        for transport, values in (("stock", stock_s), ("lease", lease_s))
    )
    return stock, lease


def effect_of(pools: tuple[PoolResult, ...]) -> TransportEffect:
    [effect] = transport_effects(pools, seed=1)
    return effect


@pytest.mark.parametrize(
    ("stock_s", "lease_s", "change"),
    [
        ((2.0, 2.1, 2.0), (1.6, 1.6, 1.7), "faster"),
        ((2.0, 2.1, 2.0), (2.6, 2.6, 2.7), "slower"),
        ((2.0, 2.1, 2.0), (2.0, 2.0, 2.1), "the same"),
        ((2.0, 2.0, 2.0), (1.96, 1.96, 1.96), "the same"),  # certain, but too small to matter
        ((2.0, 3.0, 4.0), (1.9, 2.9, 3.9), "the same"),  # within noise
        ((2.0, 2.0, 2.02), (2.04, 2.1, 2.6), "slower"),  # one repeat is much slower, none disturbed
        ((2.0,), (1.85,), "the same"),  # a single repeat shows nothing about noise
        ((2.0,), (1.6,), "faster"),
    ],
)
def test_a_change_is_more_than_noise(
    stock_s: tuple[float, ...], lease_s: tuple[float, ...], change: str
) -> None:
    effect = effect_of(both("gevent", stock_s, lease_s))
    assert (effect.transport, effect.baseline, effect.change) == ("lease", "stock", change)
    assert (effect.makespan_low is None) is (len(stock_s) == 1)


def test_the_ratio_is_that_of_the_medians_and_of_the_cpu_times() -> None:
    stock, lease = both("gevent", (2.0, 2.1, 2.0), (1.6, 1.6, 1.7))
    assert stock.summary is not None
    cheaper = replace(stock.summary, cpu_s_per_task=(stock.summary.cpu_s_per_task or 0) / 4)
    effect = effect_of((stock, replace(lease, summary=cheaper)))
    assert effect.makespan_ratio == pytest.approx(0.8)
    assert effect.cpu_ratio == pytest.approx(0.25)


def test_other_load_that_may_have_caused_or_hidden_a_change_makes_it_unreliable() -> None:
    apart = ((2.0, 2.1, 2.0), (1.6, 1.6, 1.7))
    assert effect_of(both("gevent", *apart, others_cpu=0.4)).change == "not reliable"
    assert effect_of(both("gevent", apart[0], apart[0], others_cpu=0.4)).change == "not reliable"
    far = ((20.0, 20.0, 20.0), (1.6, 1.6, 1.7))
    assert effect_of(both("gevent", *far, others_cpu=0.4)).change == "faster"


def test_a_pool_that_cannot_be_ranked_is_not_compared() -> None:
    stock, _ = both("gevent", (2.0,), (1.6,))
    broken = of("gevent", (repeat(ends=account(lost=3)),))
    starved = of("gevent", (repeat(1.6, submit_s=0.9),))
    for bad in (broken, starved):
        effect = effect_of((stock, replace(bad, transport="lease")))
        assert (effect.change, effect.makespan_ratio) == ("not comparable", None)


def test_pools_are_judged_with_each_transport_by_themselves() -> None:
    pools = (
        *both("threads", (2.0, 2.0, 2.0), (2.0, 2.0, 2.0)),
        *both("gevent", (3.0, 3.0, 3.0), (1.0, 1.0, 1.0)),
    )
    effects = transport_effects(pools, seed=1)
    verdicts = verdicts_by_transport(FETCH, pools, seed=1)
    assert [(v.transport, v.winner) for v in verdicts] == [
        ("stock", "threads"),
        ("lease", "gevent"),
    ]
    whole = summary(verdicts, effects)
    assert whole.winner is None
    assert "With stock: threads wins" in whole.sentence
    assert "With lease: gevent wins" in whole.sentence
    assert whole.sentence.endswith(
        "With lease, gevent took 0.33 times as long as with stock; no difference was measured for "
        "threads."
    )


def test_the_same_winner_with_each_transport_wins_as_a_whole() -> None:
    burn, _ = two_transports.race().workloads
    assert burn.verdict.winner == "prefork"
    assert burn.verdict.ratio == min(one.ratio or 0 for one in burn.verdicts)
    marks = {(pool.pool, pool.transport): fastest(pool, burn) for pool in burn.pools}
    assert marks.pop(("prefork", "stock")) == "fastest with stock"
    assert marks.pop(("prefork", "lease")) == "fastest with lease"
    assert set(marks.values()) == {""}


def test_a_single_pool_gets_the_effect_as_its_verdict() -> None:
    effects = transport_effects(both("gevent", (2.0, 2.0), (1.0, 1.0)), seed=1)
    said = summary((), effects)
    assert said.sentence == "With lease, gevent took 0.50 times as long as with stock."
    assert said.winner is None


def test_one_transport_has_no_effects() -> None:
    assert transport_effects([of("threads", (repeat(),)), of("gevent", (repeat(),))], seed=1) == ()
