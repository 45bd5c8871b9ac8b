"""Table cells of a lesson result as text."""

from __future__ import annotations

from typing import get_args

import pytest

from lab.format.cells import cell_text
from lab.format.words import NOTHING, TIMES
from lab.results.lesson import Unit


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        ("text", "1.5"),
        ("count", "2"),
        ("number", "1.50"),
        ("seconds", "1.50 s"),
        ("bytes", "2 B"),
        ("per_s", "1.50/s"),
        ("share", "150 %"),
        ("times", f"1.50 {TIMES}"),
    ],
)
def test_a_number_is_written_in_its_unit(unit: Unit, text: str) -> None:
    assert cell_text(1.5, unit) == text


@pytest.mark.parametrize("unit", get_args(Unit))
def test_text_is_unchanged_and_an_unknown_value_is_a_dash_in_every_unit(unit: Unit) -> None:
    assert cell_text("7 of 8", unit) == "7 of 8"
    assert cell_text(None, unit) == NOTHING
