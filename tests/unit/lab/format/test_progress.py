"""Progress has a bar at a terminal, and only lines elsewhere."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from lab.format.progress import progress_lines


@pytest.mark.parametrize("terminal", [True, False])
def test_a_bar_is_shown_only_at_a_terminal_and_lines_everywhere(terminal: bool) -> None:
    out = StringIO()
    console = Console(file=out, force_terminal=terminal, width=40)
    with progress_lines(console, "first") as shown:
        shown.print("a line that is longer than the terminal is wide, and stays whole")
        assert shown.show("half", 0.5) is terminal
    assert "a line that is longer than the terminal is wide, and stays whole" in out.getvalue()
    assert ("half" in out.getvalue()) is terminal


def test_a_log_gets_a_line_for_each_tenth() -> None:
    out = StringIO()
    with progress_lines(Console(file=out), "first") as shown:
        for number in range(1, 41):
            shown.advance("unused", number / 40, f"{number} of 40")
    assert out.getvalue().splitlines() == [f"{number} of 40" for number in range(4, 41, 4)]


def test_a_terminal_gets_a_bar_instead_of_these_lines() -> None:
    out = StringIO()
    with progress_lines(Console(file=out, force_terminal=True, width=80), "first") as shown:
        shown.advance("half", 0.5, "a line")
    assert "a line" not in out.getvalue()
