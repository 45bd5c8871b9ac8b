"""A cursor is read exactly as it was written, and anything else is rejected."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.answer.cursor import Cursor, parse

NUMBERS = st.integers(0, 10**15 - 1)


@given(st.from_regex(r"[0-9a-f]{8}", fullmatch=True), NUMBERS, NUMBERS)
def test_a_cursor_survives_the_round_trip(epoch: str, revision: int, until_s: int) -> None:
    cursor = Cursor(epoch=epoch, revision=revision, until_s=until_s)
    assert parse(str(cursor)) == cursor


@given(st.text() | st.from_regex(r"[0-9a-f]{8}-\d+-\d+", fullmatch=True))
def test_any_other_text_is_rejected_with_a_value_error(text: str) -> None:
    try:
        cursor = parse(text)
    except ValueError:
        return
    assert str(cursor or "") == text or cursor is not None


@pytest.mark.parametrize(
    "text",
    [
        *("0123abcd-1", "0123abcd-1-", "0123abcd--1-2", "0123abcd-1-2-3", "0123abcd-1-2\n"),
        *("0123abcd-\u0661-2", f"0123abcd-1-{'9' * 5_000}", "9" * 5_000, "x", " ", "\0"),
    ],
    ids=lambda text: text[:20],
)
def test_what_is_no_cursor_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="not a cursor"):
        parse(text)
