"""Reads the lines of a text file that a user wrote; it knows nothing of what they mean."""

from __future__ import annotations

from pathlib import Path


def lines_of(path: Path) -> list[str]:
    """Return the lines of a UTF-8 file, without the byte order mark that some editors write.

    Only line breaks separate lines. `str.splitlines` would also split at characters such as U+2028,
    which a JSON string may contain.

    Raises OSError if the file cannot be read, and UnicodeDecodeError if it is not UTF-8.
    """
    return path.read_text(encoding="utf-8-sig").split("\n")
