"""Tables at the terminal; if one is too wide for it, each row becomes a short paragraph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

#: Characters that a column of sentences gets at least, if its cells are that long.
LEAST_SENTENCE: Final = 24
INDENT: Final = 2
#: Spaces behind a column.
GAP: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column; one without a heading has marks, which follow the name in a paragraph."""

    heading: str
    right: bool = False  # for figures
    wraps: bool = False  # for sentences, which may take several lines


def figures(*headings: str) -> tuple[Column, ...]:
    """Return a column for each kind of figure."""
    return tuple(Column(heading=heading, right=True) for heading in headings)


def print_table(
    console: Console, columns: Sequence[Column], rows: Sequence[Sequence[str]], indent: int = 0
) -> None:
    """Print rows of cells, one for each column; no cell is ever shortened.

    A paragraph begins with the first cell, and leaves out empty ones.
    """
    room = console.width - indent
    widths = _widths(columns, rows, room)
    if widths is not None:
        table = _table(columns, rows, widths)
        console.print(Padding(table, (0, 0, 0, indent), expand=False))
        return
    for row in rows:
        for line in _paragraph(columns, row, room):
            console.print(Padding(Text(line), (0, 0, 0, indent), expand=False))


def _widths(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], room: int
) -> list[int] | None:
    """Divide the room among the columns; None if their cells do not fit.

    If there is too little for headings on one line, they are broken between words.
    """
    full, least = [], []
    for place, column in enumerate(columns):
        cells = max((cell_len(row[place]) for row in rows), default=0)
        word = max(map(cell_len, column.heading.split()), default=0)
        full.append(max(cells, cell_len(column.heading)))
        least.append(max(word, min(cells, LEAST_SENTENCE) if column.wraps else cells))
    spare = room - sum(least) - GAP * len(columns)
    if spare < 0:
        return None
    widths = []
    for wanted, needed in zip(full, least, strict=True):
        more = min(spare, wanted - needed)
        widths.append(needed + more)
        spare -= more
    return widths


def _table(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], widths: Sequence[int]
) -> Table:
    table = Table(box=None, padding=(0, GAP, 0, 0), header_style="dim")
    for column, width in zip(columns, widths, strict=True):
        justify: Literal["left", "right"] = "right" if column.right else "left"
        table.add_column(column.heading, justify=justify, width=width)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _paragraph(columns: Sequence[Column], row: Sequence[str], width: int) -> Iterator[str]:
    """Write a row as lines of whole cells, each behind its heading."""
    cells = [(column.heading, cell) for column, cell in zip(columns, row, strict=True) if cell]
    yield "  ".join([row[0], *(cell for heading, cell in cells[1:] if not heading)])
    line = ""
    for text in (f"{heading}: {cell}" for heading, cell in cells[1:] if heading):
        if line and INDENT + len(f"{line} · {text}") > width:
            yield " " * INDENT + line
            line = ""
        line = f"{line} · {text}" if line else text
    if line:
        yield " " * INDENT + line
