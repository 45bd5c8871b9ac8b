"""Transport options are read from JSON, and a mistake in them gets one line."""

from __future__ import annotations

import json
from typing import Any

import pytest
from kombu.transport.redis import Channel

from tasks.errors import UsageError
from tasks.transport_options import (
    PLACING,
    TRANSPORT_VARIABLE,
    from_environment,
    parse,
    placing,
    transport,
)

PLACED: dict[str, Any] = {
    "global_keyprefix": "shop:",
    "sep": ":",
    "priority_steps": [0, 3, 6, 9],
    "fanout_prefix": False,
    "fanout_patterns": True,
}


def test_the_options_that_place_messages_are_kombus() -> None:
    assert PLACED.keys() == PLACING.keys()
    assert PLACING.keys() <= set(Channel.from_transport_options)


def test_all_options_are_read_and_those_that_place_messages_can_be_told_apart() -> None:
    others = {"visibility_timeout": 3_600, "master_name": "one"}
    read = parse(json.dumps({**others, **PLACED}), "--transport-options")
    assert read == {**others, **PLACED}
    assert placing(read) == PLACED


@pytest.mark.parametrize("name", sorted(set(Channel.from_transport_options) - PLACING.keys()))
def test_no_other_option_of_kombu_counts_as_misspelled(name: str) -> None:
    assert parse(json.dumps({name: 1}), "x") == {name: 1}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must be a JSON object, such as"),
        ("shop:", "must be a JSON object"),
        ("[]", "must be a JSON object"),
        ("[" * 100_000, "must be a JSON object"),
        ('{"global_key_prefix": "shop:"}', "did you mean global_keyprefix?"),
        ('{"priority_step": [0]}', "did you mean priority_steps?"),
        ('{"global_keyprefix": null}', "global_keyprefix must be a string"),
        ('{"global_keyprefix": 5}', "global_keyprefix must be a string"),
        ('{"sep": ""}', "sep must be a string"),
        ('{"priority_steps": []}', "priority_steps must be a list of increasing numbers"),
        ('{"priority_steps": [3, 0]}', "priority_steps must be"),
        ('{"priority_steps": [0, 0]}', "priority_steps must be"),
        ('{"priority_steps": [0, 300]}', "priority_steps must be"),
        ('{"priority_steps": [true]}', "priority_steps must be"),
        ('{"priority_steps": "09"}', "priority_steps must be"),
        ('{"fanout_prefix": 1}', "fanout_prefix must be true, false or a string"),
        ('{"fanout_patterns": "yes"}', "fanout_patterns must be true or false"),
    ],
)
def test_a_mistake_gets_one_line_that_names_the_fix(text: str, words: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse(text, "--transport-options")
    assert str(refused.value).startswith("--transport-options")
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("environ", [{}, {"POOLWISE_BROKER_OPTIONS": ""}])
def test_without_the_variable_there_are_none(environ: dict[str, str]) -> None:
    assert from_environment(environ) == {}


@pytest.mark.parametrize(
    ("value", "setting"), [(None, None), ("", None), ("stock", None), (" lease ", "lease")]
)
def test_a_variable_chooses_the_transport(value: str | None, setting: str | None) -> None:
    assert transport({} if value is None else {TRANSPORT_VARIABLE: value}) == setting


def test_an_unknown_transport_gets_one_line() -> None:
    with pytest.raises(UsageError, match="POOLWISE_TRANSPORT must be stock or lease, not 'leas'"):
        transport({TRANSPORT_VARIABLE: "leas"})
