"""Options that several commands share are read in one way."""

from __future__ import annotations

import pytest

from lab.commands.shared_options import parse_concurrency
from tasks.errors import UsageError


def test_concurrency_is_read_pool_by_pool() -> None:
    assert parse_concurrency(" prefork=4, gevent=200 ") == {"prefork": 4, "gevent": 200}
    assert parse_concurrency("") == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prefork", "POOL=NUMBER"),
        ("prefork=0", "1 slot or more"),
        ("prefork=-3", "1 slot or more"),
        ("prefork=many", "not a whole number"),
        ("prefrk=3", "did you mean prefork"),
    ],
)
def test_a_concurrency_that_makes_no_sense_is_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parse_concurrency(text)
