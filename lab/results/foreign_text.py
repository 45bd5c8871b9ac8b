"""Foreign text, such as a path, as part of a one-line message."""

from __future__ import annotations

from pathlib import Path
from typing import Final

#: Characters of foreign text in a message; the rest is cut off.
LONGEST: Final = 200


def shown(path: Path) -> str:
    """Write a path; quoted and with escapes if it would not fit into one line of a terminal."""
    return _printable(str(path))


def one_line(text: str) -> str:
    """Write text from a file, shortened and with escapes if it needs them."""
    return _printable(text if len(text) <= LONGEST else f"{text[:LONGEST]}…")


def _printable(text: str) -> str:
    return text if text.isprintable() else ascii(text)
