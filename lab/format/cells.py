"""Table cells of a lesson result as text, the same in the terminal and in HTML."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from lab.format import words
from lab.results.lesson import Cell, Unit

#: How a number is written, by its column's unit.
_FORMATS: Final[dict[Unit, Callable[[float], str]]] = {
    "text": str,
    "count": words.count,
    "number": "{:.2f}".format,
    "seconds": words.duration,
    "bytes": words.size,
    "per_s": words.rate,
    "share": words.percent,
    "times": words.times,
}


def cell_text(cell: Cell, unit: Unit) -> str:
    """Write a cell: text unchanged, a number in its unit, None as a dash."""
    return cell if isinstance(cell, str) else words.known(cell, _FORMATS[unit])
