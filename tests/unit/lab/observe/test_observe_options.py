"""How long to observe is checked before anything begins."""

from __future__ import annotations

import pytest

from lab.observe.observe_options import window
from tasks.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"), [("5s", 5.0), ("90", 90.0), ("5m", 300.0), ("1h", 3_600.0)]
)
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert window(text) == seconds


@pytest.mark.parametrize("text", ["4s", "500ms", "0", "61m", "48h"])
def test_too_short_and_too_long_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--for must be from 5s to 1h"):
        window(text)


@pytest.mark.parametrize("text", ["", "soon", "-5s", "5 days", "nan"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--for takes a duration"):
        window(text)
