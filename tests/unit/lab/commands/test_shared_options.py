"""Options that several commands share."""

from __future__ import annotations

import math
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.commands.option_types import AnyPath, FiniteRange, Transports, WholeRange
from lab.commands.shared_options import MOST_SLOTS, names, parse_concurrency, pools_named
from tasks.errors import UsageError
from worker.pools import POOLS

#: Text that looks like a list of options, and anything else.
LISTS = st.text() | st.lists(
    st.sampled_from([*POOLS, "processes", "=", ",", "4", "-1", "0", "9" * 5_000, " ", "²"])
).map("".join)


def test_concurrency_is_parsed_per_pool() -> None:
    assert parse_concurrency(" prefork=4, gevent=200 ") == {"prefork": 4, "gevent": 200}
    assert parse_concurrency("") == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prefork", "POOL=NUMBER"),
        ("prefork=0", "at least 1 slot"),
        ("prefork=-3", "at least 1 slot"),
        ("prefork=many", "not a whole number"),
        ("prefrk=3", "did you mean prefork"),
        ("prefork=2,prefork=3", "prefork twice"),
        ("processes=2,prefork=2", "prefork twice"),
        ("solo=5", "solo runs 1 task at a time"),
        (f"prefork={MOST_SLOTS + 1}", "no machine"),
        (f"prefork={'9' * 5_000}", "not a whole number"),
    ],
)
def test_an_invalid_concurrency_is_rejected(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parse_concurrency(text)


@given(LISTS)
def test_any_text_gives_concurrencies_or_a_usage_error(text: str) -> None:
    try:
        slots = parse_concurrency(text)
    except UsageError as refused:
        line = str(refused)
    else:
        assert set(slots) <= set(POOLS)
        assert all(1 <= number <= MOST_SLOTS for number in slots.values())
        return
    assert "\n" not in line


@given(LISTS)
def test_any_text_gives_pools_or_a_usage_error(text: str) -> None:
    try:
        pools = pools_named(text)
    except UsageError:
        return
    assert pools
    assert len(set(pools)) == len(pools)
    assert all(names(text))


@given(
    st.text()
    | st.floats().map(str)
    | st.sampled_from(["nan", "-NaN", "inf", "1e400", "1_0", "9" * 5_000])
)
def test_any_text_gives_a_number_in_the_range_or_a_usage_error(text: str) -> None:
    try:
        number = FiniteRange(0, 3_600).convert(text, None, None)
    except click.BadParameter:
        return
    assert math.isfinite(number)
    assert 0 <= number <= 3_600


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("stock", ("stock",)),
        (" lease ", ("lease",)),
        ("stock,lease", ("stock", "lease")),
        ("lease, stock,lease", ("stock", "lease")),
    ],
)
def test_transports_are_in_a_fixed_order_each_once(text: str, chosen: tuple[str, ...]) -> None:
    assert Transports().convert(text, None, None) == chosen


def test_a_range_without_bounds_is_finite_too() -> None:
    assert FiniteRange().convert("-1e300", None, None) == -1e300
    for text in ("nan", "inf", "-inf", "1e400"):
        with pytest.raises(click.BadParameter, match="not a finite number"):
            FiniteRange().convert(text, None, None)


@given(st.text(min_size=1))
def test_any_text_but_none_is_a_path(text: str) -> None:
    assert AnyPath().convert(text, None, None) == Path(text)
    with pytest.raises(click.BadParameter):
        AnyPath().convert("", None, None)


@pytest.mark.parametrize(
    ("kind", "metavar", "refused"),
    [
        (WholeRange(1, 9), "N", "'abc' is not a whole number."),
        (FiniteRange(0, 9), "NUMBER", "'abc' is not a number."),
    ],
)
def test_a_number_is_not_called_a_range(
    kind: WholeRange | FiniteRange, metavar: str, refused: str
) -> None:
    option = click.Option(["--value"], type=kind)
    assert option.make_metavar(click.Context(click.Command("any"))) == metavar
    with pytest.raises(click.BadParameter) as error:
        kind.convert("abc", None, None)
    assert error.value.message == refused
