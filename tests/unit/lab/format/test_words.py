"""Numbers as people read them."""

from __future__ import annotations

from dataclasses import replace

from lab.format import words
from lab.results.race import Account, Interval, PoolResult
from tests.unit.lab import sample


def test_a_spread_goes_to_the_farther_end_in_the_unit_and_decimals_of_the_median() -> None:
    assert words.spread(Interval(median=2.07, low=2.06, high=2.10)) == "2.07 s ± 0.03"
    assert words.spread(Interval(median=0.475, low=0.47, high=0.477)) == "475 ms ± 5"
    assert words.spread(Interval(median=200, low=190, high=201)) == "3 min 20 s ± 10.0 s"


def test_a_moment_is_written_in_utc_and_other_text_is_unchanged() -> None:
    assert words.moment("2026-11-23T15:12:03+01:00") == "2026-11-23 14:12 UTC"
    assert words.moment("yesterday") == "yesterday"
    assert words.moment("0001-01-01T00:00:00+10:00") == "0001-01-01T00:00:00+10:00"


def test_an_account_names_each_outcome_that_occurred() -> None:
    total = Account(
        submitted=10, finished=5, failed=1, lost=2, timed_out=1, unserved=1, duplicated=3
    )
    assert words.account(total) == (
        "10 submitted = 5 finished + 1 failed + 1 timed out + 1 still queued + 2 lost; 3 run twice."
    )


def test_an_account_says_what_it_covers() -> None:
    def lead(*pools: PoolResult) -> str:
        return words.account(sample.account(), pools).partition("10 submitted")[0]

    once, again = sample.pool("threads", (2.0,)), sample.pool("threads")
    assert lead(once) == ""
    assert lead(again) == "all repeats: "
    assert lead(once, sample.pool("gevent", (2.0,))) == "all pools: "
    assert lead(again, sample.pool("gevent")) == "all pools and repeats: "
    both = (replace(again, transport="stock"), replace(again, transport="lease"))
    assert lead(*both) == "all transports and repeats: "


def test_an_account_that_does_not_add_up_says_so() -> None:
    total = Account(
        submitted=10, finished=5, failed=0, lost=0, timed_out=0, unserved=0, duplicated=0
    )
    assert words.account(total).startswith("10 submitted ≠ 5 finished")
    assert words.account(total).endswith("These numbers do not add up.")
