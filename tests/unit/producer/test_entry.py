"""Whatever the stream holds, reading it raises no error but ours."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.entry import MAX_BYTES, Entry, UnreadableEntryError, read_entry
from worker.probe import VERSION

VALID: dict[str, Any] = {
    "v": VERSION,
    "kind": "rows",
    "node": "w@here",
    "pool": "prefork",
    "slots": 2,
    "pid": 7,
    "seq": 0,
    "dropped": 0,
    "offset_s": 1e9,
    "error_s": 1e-5,
    "rows": [[None, "id", "t", "7", 1, 2, 3, "succeeded", False, None]],
    "gauge": None,
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def read(body: bytes) -> Entry | None:
    try:
        return read_entry(body)
    except UnreadableEntryError:
        return None


@given(st.binary())
def test_any_bytes_are_read_or_unreadable(body: bytes) -> None:
    read(body)


@given(JSON)
def test_any_json_is_read_or_unreadable(value: Any) -> None:
    read(json.dumps(value).encode())


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(VALID, JSON)))
def test_a_valid_entry_with_any_values_is_read_or_unreadable(changes: dict[str, Any]) -> None:
    read(json.dumps({**VALID, **changes}).encode())


@given(st.lists(JSON, min_size=8, max_size=12), st.integers(0, 2))
def test_any_row_leaves_the_others_readable(row: list[Any], at: int) -> None:
    rows: list[Any] = [VALID["rows"][0], VALID["rows"][0]]
    rows.insert(at, row)
    entry = read(json.dumps({**VALID, "rows": rows}, allow_nan=True).encode())
    if entry is not None:  # NaN is no JSON, so nothing after it can be found
        assert len(entry.rows) == 3
        assert sum(one is not None for one in entry.rows) >= 2


def test_what_a_later_probe_adds_is_ignored() -> None:
    assert read(json.dumps({**VALID, "weather": ["fine"]}).encode()) == read(
        json.dumps(VALID).encode()
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b" " * (MAX_BYTES + 1), "bytes, expected"),
        (json.dumps({**VALID, "v": 2, "rows": 5}).encode(), "version 2, expected version 3"),
        (json.dumps({**VALID, "v": 10**30}).encode(), "version another"),
        (b"[" * 100_000, "recursion"),
        (json.dumps({**VALID, "node": "secret" * 1_000}).encode(), "node"),
    ],
    ids=["huge", "old", "huge version", "deep", "long name"],
)
def test_the_reason_is_one_line_that_quotes_nothing(body: bytes, reason: str) -> None:
    with pytest.raises(UnreadableEntryError) as error:
        read_entry(body)
    text = str(error.value)
    assert "secret" not in text
    assert len(text) < 120
    if reason != "recursion":  # a long list of brackets is rejected either way
        assert reason in text
