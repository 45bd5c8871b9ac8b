"""Options that several commands share."""

from __future__ import annotations

import pytest

from lab.commands.shared_options import parse_concurrency
from tasks.errors import UsageError


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
    ],
)
def test_an_invalid_concurrency_is_rejected(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parse_concurrency(text)
