"""Tables show every cell whole, however narrow the terminal is."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from lab.format.tables import Column, figures, print_table

COLUMNS = (
    Column(heading="worker"),
    *figures("rate", "run p50 / p95", "memory"),
    Column(heading="", wraps=True),
)
REMARK = "cannot be used: the task fails if other tasks run in the same process"
ROWS = (
    ("prefork@shop-1", "1,234.5/s", "12.0 ms / 98.5 ms", "1.2 GB", "← recommended"),
    ("gevent@shop-2", "", "", "", REMARK),
)


def printed(width: int, indent: int = 0) -> list[str]:
    file = io.StringIO()
    print_table(Console(file=file, width=width), COLUMNS, ROWS, indent)
    return file.getvalue().splitlines()


@pytest.mark.parametrize("indent", [0, 2])
@pytest.mark.parametrize("width", [24, 40, 80, 100, 140, 200])
def test_no_cell_is_cut_and_no_line_too_long(width: int, indent: int) -> None:
    lines = printed(width, indent)
    assert max(map(len, lines)) <= width
    text = " ".join(" ".join(lines).split())
    for cell in (cell for row in ROWS for cell in row if cell != REMARK):
        assert cell in text
    assert set(REMARK.split()) <= set(text.split())


def test_a_wide_terminal_gets_one_line_for_each_row() -> None:
    heading, first, second = map(str.rstrip, printed(200))
    assert heading.split()[:2] == ["worker", "rate"]
    assert first.endswith("← recommended")
    assert second.endswith(REMARK)


def test_headings_take_more_lines_before_figures_become_paragraphs() -> None:
    columns, row = (
        (Column(heading="pool"), *figures("CPU per task", "memory")),
        ("gevent", "9 ms", "–"),
    )
    file = io.StringIO()
    print_table(Console(file=file, width=26), columns, [row])
    assert [line.split() for line in file.getvalue().splitlines()] == [
        ["CPU", "per"],
        ["pool", "task", "memory"],
        ["gevent", "9", "ms", "–"],
    ]


def test_sentences_take_more_lines_before_figures_become_paragraphs() -> None:
    _, first, *second = map(str.rstrip, printed(80))
    assert first == "prefork@shop-1  1,234.5/s  12.0 ms / 98.5 ms  1.2 GB  ← recommended"
    assert len(second) == 3


def test_a_narrow_terminal_gets_a_paragraph_for_each_row() -> None:
    assert list(map(str.rstrip, printed(60))) == [
        "prefork@shop-1  ← recommended",
        "  rate: 1,234.5/s · run p50 / p95: 12.0 ms / 98.5 ms",
        "  memory: 1.2 GB",
        "gevent@shop-2  cannot be used: the task fails if other tasks",
        "run in the same process",
    ]
