"""Only line breaks separate the lines of a user's file, whatever editor wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.text_file import lines_of


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("a\nb", ["a", "b"]),
        ("a\r\nb\n", ["a", "b", ""]),
        ("a\rb", ["a", "b"]),
        ("\ufeffa\nb", ["a", "b"]),
        ("a\n\ufeffb", ["a", "\ufeffb"]),
        *((f"a{mark}z\nb", [f"a{mark}z", "b"]) for mark in "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"),
    ],
)
def test_only_line_breaks_separate_lines(text: str, lines: list[str], tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(text.encode())
    assert lines_of(file) == lines
